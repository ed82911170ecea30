#include "driver/state.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

namespace emulator {

namespace {

std::string fault_;
std::map<std::string, int> calls;
std::map<std::string, int64_t> works;  // the empty name for all

const char *environment(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value ? value : otherwise;
}

bool flag(const char *name, const char *otherwise) {
  return atoi(environment(name, otherwise)) != 0;
}

using Planted = std::map<std::pair<std::string, int>, int>;

// EMU_FAIL=function:n=status,...: the n-th call of the function returns the status.
Planted plantedFailures() {
  Planted planted;
  const char *rest = environment("EMU_FAIL", "");
  char function[100];
  int call, status, length;
  while (sscanf(rest, "%99[^:]:%d=%d%n", function, &call, &status, &length) == 3) {
    planted[{function, call}] = status;
    rest += rest[length] ? length + 1 : length;
  }
  return planted;
}

const Planted planted = plantedFailures();

}  // namespace

const Settings settings{
    flag("EMU_LAZY", "0"),
    flag("EMU_LOG", "0"),
    flag("EMU_RACE", "1"),
    strcmp(environment("EMU_ORDER", ""), "reverse") == 0,
    strtoull(environment("EMU_MEM", "8589934592"), nullptr, 10),
};

std::recursive_mutex lock;
int stickyStatus;

int fault(int status, const char *format, ...) {
  char text[600];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (!stickyStatus) {
    fault_ = text;
    fprintf(stderr, "emulator: %s\n", text);
  }
  return stickyStatus = status;
}

void countWork(const std::string &name) {
  works[name]++;
  works[""]++;
}

const std::string &lastFault() {
  return fault_;
}

}  // namespace emulator

using namespace emulator;

EMU_API int emu_enter(const char *function) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  int call = ++calls[function];
  if (settings.log) {
    fprintf(stderr, "emulator: call %s #%d\n", function, call);
  }
  auto it = planted.find({function, call});
  return it != planted.end() ? it->second : stickyStatus;
}

EMU_API int64_t emu_call_count(const char *function) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  auto it = calls.find(function);
  return it != calls.end() ? it->second : 0;
}

EMU_API int64_t emu_work_count(const char *name) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  auto it = works.find(name);
  return it != works.end() ? it->second : 0;
}
