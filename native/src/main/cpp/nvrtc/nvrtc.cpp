// Test-only libnvrtc.so.12: hands CUDA C++ to g++ with cuda_prelude.h in front; the ELF it makes is the "cubin".
// EMU_CHECK=0 leaves the access hooks out. EMU_CXX names the compiler.
#include "emulator.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>
extern char **environ;
struct Program { std::string src, name, log, elf, ptx; std::vector<std::string> expr; };
enum { OK, OUT_OF_MEMORY, CREATION_FAILURE, INVALID_INPUT, INVALID_PROGRAM, INVALID_OPTION, COMPILATION };
#define API EMU_API int
static std::string home() { Dl_info d; dladdr((void *)&home, &d); std::string s = d.dli_fname; return s.substr(0, s.rfind('/')); }
static std::string slurp(const std::string &f) { std::ifstream i(f, std::ios::binary); return {std::istreambuf_iterator<char>(i), {}}; }
static int run(std::vector<std::string> a, const std::string &err) {
  std::vector<char *> v; for (auto &s : a) v.push_back(s.data()); v.push_back(nullptr);
  posix_spawn_file_actions_t fa; posix_spawn_file_actions_init(&fa); posix_spawn_file_actions_addopen(&fa, 2, err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  std::vector<char *> e; for (char **p = environ; *p; p++) if (strncmp(*p, "LD_", 3)) e.push_back(*p); e.push_back(nullptr);
  pid_t pid; int st = -1; int r = posix_spawnp(&pid, v[0], &fa, nullptr, v.data(), e.data()); posix_spawn_file_actions_destroy(&fa);
  if (r || waitpid(pid, &st, 0) < 0) return -1; return st;
}
static std::string translate(const Program &p, const std::vector<std::string> &defines) {
  std::string s = p.src, exports; std::smatch m;
  for (auto &d : defines) exports = d + "\n" + exports;
  std::string head; head.swap(exports);
  s = std::regex_replace(s, std::regex(R"(extern\s+__shared__\s+(?:__align__\s*\(\s*\d+\s*\)\s*)?([\w:]+(?:\s+\w+)*?)\s+(\w+)\s*\[\s*\]\s*;)"), "$1 *const $2 = ($1 *)emu_dynamic;");
  std::regex kernel(R"((extern\s+"C"\s+)?__global__\s+(?:(?:static|inline|void)\s+)*(?:__launch_bounds__\s*\(\s*(\d+)[^)]*\)\s*)?(?:void\s+)?(?:__launch_bounds__\s*\(\s*(\d+)[^)]*\)\s*)?(\w+)\s*\()");
  bool inC = std::regex_search(s, std::regex(R"(extern\s+"C"\s*\{)"));
  for (std::sregex_iterator it(s.begin(), s.end(), kernel), end; it != end; ++it)
    if ((*it)[1].matched || inC) { std::string max = (*it)[2].matched ? (*it)[2] : (*it)[3].matched ? (*it)[3] : std::string("0"); exports += "EMU_EXPORT(" + (*it)[4].str() + ", " + max + ", &" + (*it)[4].str() + ")\n"; }
  for (size_t i = 0; i < p.expr.size(); i++) exports += "EMU_EXPORT(emu_expr" + std::to_string(i) + ", 0, (" + p.expr[i] + "))\n";
  return head + "#line 1 \"" + p.name + "\"\n" + s + "\n#line 1 \"exports\"\n" + exports +
    "extern \"C\" __attribute__((visibility(\"default\"))) const char *const emu_shared_begin = emu_shared_first, *const emu_shared_end = emu_shared_last;\n";
}
API nvrtcVersion(int *a, int *b) { *a = 12; *b = 6; return OK; }
API nvrtcGetNumSupportedArchs(int *n) { *n = 1; return OK; }
API nvrtcGetSupportedArchs(int *a) { *a = 90; return OK; }
EMU_API const char *nvrtcGetErrorString(int e) { static const char *s[] = {"NVRTC_SUCCESS", "NVRTC_ERROR_OUT_OF_MEMORY", "NVRTC_ERROR_PROGRAM_CREATION_FAILURE", "NVRTC_ERROR_INVALID_INPUT", "NVRTC_ERROR_INVALID_PROGRAM", "NVRTC_ERROR_INVALID_OPTION", "NVRTC_ERROR_COMPILATION"}; return e >= 0 && e < 7 ? s[e] : "NVRTC_ERROR unknown"; }
API nvrtcCreateProgram(void **p, const char *src, const char *name, int, const char *const *, const char *const *) {
  if (int e = emu_enter(__func__)) return e; if (!src) return INVALID_INPUT; *p = new Program{src, name && *name ? name : "default_program"}; return OK;
}
API nvrtcDestroyProgram(void **p) { delete (Program *)*p; *p = nullptr; return OK; }
API nvrtcAddNameExpression(void *p, const char *e) { ((Program *)p)->expr.push_back(e); return OK; }
API nvrtcGetLoweredName(void *q, const char *e, const char **n) {
  auto &x = ((Program *)q)->expr;
  for (size_t i = 0; i < x.size(); i++) if (x[i] == e) { *n = strdup(("emu_expr" + std::to_string(i)).c_str()); return OK; }
  return 10;
}
API nvrtcCompileProgram(void *q, int n, const char *const *o) {
  if (int e = emu_enter(__func__)) return e;
  Program &p = *(Program *)q; std::vector<std::string> defines; p.log.clear();
  for (int i = 0; i < n; i++) {
    std::string s = o[i]; if (s == "-D" && i + 1 < n) s += o[++i]; if (s.rfind("--define-macro=", 0) == 0) s = "-D" + s.substr(15);
    if (s.rfind("-D", 0) == 0) { auto k = s.find('='); defines.push_back("#define " + (k == s.npos ? s.substr(2) + " 1" : s.substr(2, k - 2) + " " + s.substr(k + 1))); }
    else if (s[0] != '-') { p.log = "nvrtc: error: invalid value for option: " + s + "\n"; return INVALID_OPTION; }
  }
  char dir[] = "/tmp/emu-XXXXXX"; if (!mkdtemp(dir)) return CREATION_FAILURE;
  std::string d = dir, h = home();
  bool checked = !getenv("EMU_CHECK") || strcmp(getenv("EMU_CHECK"), "0");
  { std::ofstream(d + "/k.cu") << translate(p, defines); }
  std::vector<std::string> c{getenv("EMU_CXX") ? getenv("EMU_CXX") : "g++", "-c", "-x", "c++"}; for (auto &f : {
"-std=c++20", "-O1", "-w", "-nostdinc", "-nostdinc++", "-fPIC", "-fno-exceptions", "-fno-rtti", "-fno-gnu-unique", "-fdata-sections", "-fno-asynchronous-unwind-tables", "-ffp-contract=off", "-fno-math-errno"
  }) c.push_back(f);
  if (checked) for (auto &f : {
"-fsanitize=thread", "-fsanitize=alignment,bounds,null", "--param=tsan-instrument-func-entry-exit=0"
  }) c.push_back(f);
  for (auto &s : {std::string("-include"), h + "/cuda_prelude.h", std::string("-o"), d + "/k.o", d + "/k.cu"}) c.push_back(s);
  int r = run(c, d + "/log");
  if (!r) r = run({"ld", "-shared", "--hash-style=gnu", "-z", "noseparate-code", "-T", h + "/shared_section.ld", "-o", d + "/k.so", d + "/k.o", h + "/libcuda.so.1", "-l:libm.so.6"}, d + "/log");
  p.log += slurp(d + "/log"); p.elf = slurp(d + "/k.so");
  for (auto f : {"/k.cu", "/k.o", "/k.so", "/log"}) unlink((d + f).c_str()); rmdir(dir);
  return r || p.elf.empty() ? COMPILATION : OK;
}
API nvrtcGetProgramLogSize(void *q, size_t *n) { *n = ((Program *)q)->log.size() + 1; return OK; }
API nvrtcGetProgramLog(void *q, char *s) { strcpy(s, ((Program *)q)->log.c_str()); return OK; }
API nvrtcGetCUBINSize(void *q, size_t *n) { *n = ((Program *)q)->elf.size(); return *n ? OK : INVALID_PROGRAM; }
API nvrtcGetCUBIN(void *q, char *s) { auto &e = ((Program *)q)->elf; memcpy(s, e.data(), e.size()); return e.empty() ? INVALID_PROGRAM : OK; }
static std::string &ptx(Program *p) { if (p->ptx.empty() && !p->elf.empty()) { p->ptx = "//EMU "; for (unsigned char c : p->elf) { p->ptx += (char)('a' + c / 16); p->ptx += (char)('a' + c % 16); } p->ptx += "\n"; } return p->ptx; }
API nvrtcGetPTXSize(void *q, size_t *n) { *n = ptx((Program *)q).size() + 1; return *n > 1 ? OK : INVALID_PROGRAM; }
API nvrtcGetPTX(void *q, char *s) { strcpy(s, ptx((Program *)q).c_str()); return OK; }
