// libnvrtc.so.12: the shared library that g++ made is the "cubin"; as text, with the letters a to p, the "PTX".
#include "emulator.h"
#include "nvrtc/compiler.h"

#include <cstring>

using namespace emulator;

namespace {

enum Result : int {
  SUCCESS,
  OUT_OF_MEMORY,
  PROGRAM_CREATION_FAILURE,
  INVALID_INPUT,
  INVALID_PROGRAM,
  INVALID_OPTION,
  COMPILATION,
  NAME_EXPRESSION_NOT_VALID = 10,
};

Program &programOf(void *handle) {
  return *(Program *)handle;
}

const std::string &ptxOf(Program &program) {
  if (program.ptx.empty() && !program.library.empty()) {
    program.ptx = "//EMU ";
    for (unsigned char c : program.library) {
      program.ptx += (char)('a' + c / 16);
      program.ptx += (char)('a' + c % 16);
    }
    program.ptx += "\n";
  }
  return program.ptx;
}

bool startsWith(const std::string &text, const char *prefix) {
  return text.rfind(prefix, 0) == 0;
}

// -DA=B, -D A=B and --define-macro=A=B; all other options that begin with '-' are for the real NVRTC.
bool readOptions(int count, const char *const *options, std::vector<std::string> &defines, std::string &log) {
  for (int i = 0; i < count; i++) {
    std::string option = options[i];
    if (option == "-D" && i + 1 < count) {
      option += options[++i];
    } else if (startsWith(option, "--define-macro=")) {
      option = "-D" + option.substr(strlen("--define-macro="));
    }
    if (startsWith(option, "-D")) {
      auto equals = option.find('=');
      defines.push_back("#define " + (equals == option.npos
                                          ? option.substr(2) + " 1"
                                          : option.substr(2, equals - 2) + " " + option.substr(equals + 1)));
    } else if (option[0] != '-') {
      log = "nvrtc: error: invalid value for option: " + option + "\n";
      return false;
    }
  }
  return true;
}

}  // namespace

EMU_API int nvrtcVersion(int *major, int *minor) {
  *major = 12;
  *minor = 6;
  return SUCCESS;
}

EMU_API int nvrtcGetNumSupportedArchs(int *count) {
  *count = 1;
  return SUCCESS;
}

EMU_API int nvrtcGetSupportedArchs(int *architectures) {
  *architectures = 90;
  return SUCCESS;
}

EMU_API const char *nvrtcGetErrorString(int result) {
  static const char *const names[] = {
      "NVRTC_SUCCESS",
      "NVRTC_ERROR_OUT_OF_MEMORY",
      "NVRTC_ERROR_PROGRAM_CREATION_FAILURE",
      "NVRTC_ERROR_INVALID_INPUT",
      "NVRTC_ERROR_INVALID_PROGRAM",
      "NVRTC_ERROR_INVALID_OPTION",
      "NVRTC_ERROR_COMPILATION",
  };
  return result >= 0 && result <= COMPILATION ? names[result] : "NVRTC_ERROR unknown";
}

EMU_API int nvrtcCreateProgram(void **program, const char *source, const char *name, int headerCount,
                               const char *const *headers, const char *const *includeNames) {
  if (int status = emu_enter(__func__)) {
    return status;
  }
  if (!source) {
    return INVALID_INPUT;
  }
  auto *made = new Program;
  made->source = source;
  made->name = name && *name ? name : "default_program";
  *program = made;
  return SUCCESS;
}

EMU_API int nvrtcDestroyProgram(void **program) {
  delete (Program *)*program;
  *program = nullptr;
  return SUCCESS;
}

EMU_API int nvrtcAddNameExpression(void *program, const char *expression) {
  programOf(program).nameExpressions.push_back(expression);
  return SUCCESS;
}

EMU_API int nvrtcGetLoweredName(void *program, const char *expression, const char **name) {
  auto &expressions = programOf(program).nameExpressions;
  for (size_t i = 0; i < expressions.size(); i++) {
    if (expressions[i] == expression) {
      *name = strdup(loweredName(i).c_str());
      return SUCCESS;
    }
  }
  return NAME_EXPRESSION_NOT_VALID;
}

EMU_API int nvrtcCompileProgram(void *handle, int optionCount, const char *const *options) {
  if (int status = emu_enter(__func__)) {
    return status;
  }
  Program &program = programOf(handle);
  program.log.clear();
  std::vector<std::string> defines;
  if (!readOptions(optionCount, options, defines, program.log)) {
    return INVALID_OPTION;
  }
  return compile(program, defines) ? SUCCESS : COMPILATION;
}

EMU_API int nvrtcGetProgramLogSize(void *program, size_t *size) {
  *size = programOf(program).log.size() + 1;
  return SUCCESS;
}

EMU_API int nvrtcGetProgramLog(void *program, char *log) {
  strcpy(log, programOf(program).log.c_str());
  return SUCCESS;
}

EMU_API int nvrtcGetCUBINSize(void *program, size_t *size) {
  *size = programOf(program).library.size();
  return *size ? SUCCESS : INVALID_PROGRAM;
}

EMU_API int nvrtcGetCUBIN(void *program, char *cubin) {
  auto &library = programOf(program).library;
  memcpy(cubin, library.data(), library.size());
  return library.empty() ? INVALID_PROGRAM : SUCCESS;
}

EMU_API int nvrtcGetPTXSize(void *program, size_t *size) {
  *size = ptxOf(programOf(program)).size() + 1;
  return *size > 1 ? SUCCESS : INVALID_PROGRAM;
}

EMU_API int nvrtcGetPTX(void *program, char *ptx) {
  strcpy(ptx, ptxOf(programOf(program)).c_str());
  return SUCCESS;
}
