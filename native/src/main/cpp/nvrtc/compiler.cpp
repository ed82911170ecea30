#include "nvrtc/compiler.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>

extern char **environ;

namespace emulator {

namespace {

const std::vector<std::string> flags{
    "-std=c++20", "-O1", "-w", "-fPIC", "-nostdinc", "-nostdinc++", "-fno-exceptions", "-fno-rtti",
    "-fno-asynchronous-unwind-tables",
    "-fno-gnu-unique",    // or statics of templates are shared by all modules
    "-fdata-sections",    // one section for each static, which the linker script gathers
    "-ffp-contract=off",  // no fused multiply-add that the source does not ask for
    "-fno-math-errno",
};

// The hooks of driver/checks.cpp.
const std::vector<std::string> checkedFlags{
    "-fsanitize=thread",
    "-fsanitize=alignment,bounds,null",
    "--param=tsan-instrument-func-entry-exit=0",
};

// Where this library and the files beside it are.
std::string home() {
  Dl_info info;
  dladdr((void *)&home, &info);
  std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/'));
}

std::string read(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Runs a program with its errors appended to a file. What the JVM was started with in LD_* is none of its business.
bool run(std::vector<std::string> command, const std::string &errors) {
  std::vector<char *> arguments, environment;
  for (auto &argument : command) {
    arguments.push_back(argument.data());
  }
  arguments.push_back(nullptr);
  for (char **variable = environ; *variable; variable++) {
    if (strncmp(*variable, "LD_", 3)) {
      environment.push_back(*variable);
    }
  }
  environment.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  pid_t pid;
  int failed = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed) {
    std::ofstream(errors, std::ios::app) << arguments[0] << ": " << strerror(failed) << "\n";
    return false;
  }
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0;
}

std::string exported(const std::string &name, const std::string &maxThreads, const std::string &kernel) {
  return "EMU_EXPORT(" + name + ", " + maxThreads + ", " + kernel + ")\n";
}

// Puts the definitions before the source, and after it the table entry of every extern "C" kernel and name expression.
std::string translate(const Program &program, const std::vector<std::string> &defines) {
  static const std::regex dynamicShared(
      R"(extern\s+__shared__\s+(?:__align__\s*\(\s*\d+\s*\)\s*)?([\w:]+(?:\s+\w+)*?)\s+(\w+)\s*\[\s*\]\s*;)");
  static const std::regex kernel(
      R"((extern\s+"C"\s+)?__global__\s+(?:(?:static|inline|void)\s+)*(?:__launch_bounds__\s*\(\s*(\d+)[^)]*\)\s*)?)"
      R"((?:void\s+)?(?:__launch_bounds__\s*\(\s*(\d+)[^)]*\)\s*)?(\w+)\s*\()");
  static const std::regex externBlock(R"(extern\s+"C"\s*\{)");

  std::string text;
  for (auto &define : defines) {
    text += define + "\n";
  }
  std::string source = std::regex_replace(program.source, dynamicShared, "$1 *const $2 = ($1 *)emu_dynamic;");
  text += "#line 1 \"" + program.name + "\"\n" + source + "\n#line 1 \"exports\"\n";
  bool inBlock = std::regex_search(source, externBlock);
  for (std::sregex_iterator it(source.begin(), source.end(), kernel), end; it != end; ++it) {
    const std::smatch &m = *it;
    if (m[1].matched || inBlock) {
      std::string maxThreads = m[2].matched ? m[2] : m[3].matched ? m[3] : std::string("0");
      text += exported(m[4], maxThreads, "&" + m[4].str());
    }
  }
  for (size_t i = 0; i < program.nameExpressions.size(); i++) {
    text += exported(loweredName(i), "0", "(" + program.nameExpressions[i] + ")");
  }
  text += R"(extern "C" __attribute__((visibility("default"))) const char *const emu_shared_begin = emu_shared_first,
    *const emu_shared_end = emu_shared_last;
)";
  return text;
}

}  // namespace

std::string loweredName(size_t index) {
  return "emu_expr" + std::to_string(index);
}

bool compile(Program &program, const std::vector<std::string> &defines) {
  char folder[] = "/tmp/emulator-XXXXXX";
  if (!mkdtemp(folder)) {
    program.log += "cannot make a folder in /tmp\n";
    return false;
  }
  std::string base = folder, source = base + "/kernel.cu", object = base + "/kernel.o", library = base + "/kernel.so",
              errors = base + "/errors";
  std::ofstream(source) << translate(program, defines);

  const char *compiler = getenv("EMU_CXX");
  const char *check = getenv("EMU_CHECK");
  std::vector<std::string> command{compiler ? compiler : "g++", "-c", "-x", "c++"};
  command.insert(command.end(), flags.begin(), flags.end());
  if (!check || strcmp(check, "0")) {
    command.insert(command.end(), checkedFlags.begin(), checkedFlags.end());
  }
  for (auto &argument : {std::string("-include"), home() + "/cuda_prelude.h", std::string("-o"), object, source}) {
    command.push_back(argument);
  }
  // ld directly: 4 ms instead of the 14 that it takes through g++.
  bool compiled = run(command, errors) &&
                  run({"ld", "-shared", "--hash-style=gnu", "-z", "noseparate-code", "-T", home() + "/shared_section.ld",
                       "-o", library, object, home() + "/libcuda.so.1", "-l:libm.so.6"},
                      errors);
  program.log += read(errors);
  program.library = compiled ? read(library) : "";
  for (auto &file : {source, object, library, errors}) {
    unlink(file.c_str());
  }
  rmdir(folder);
  return !program.library.empty();
}

}  // namespace emulator
