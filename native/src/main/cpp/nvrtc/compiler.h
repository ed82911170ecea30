// Compiles CUDA C++ with g++ and ld to a shared library, which the emulated driver loads as a module.
#pragma once

#include <string>
#include <vector>

namespace emulator {

struct Program {
  std::string source, name;
  std::vector<std::string> nameExpressions;  // exported as emu_expr0, emu_expr1, ...
  std::string log, library, ptx;
};

// The name under which a name expression is exported.
std::string loweredName(size_t index);

// Fills log and library; false if the source does not compile. defines: "#define A B" lines.
bool compile(Program &program, const std::vector<std::string> &defines);

}  // namespace emulator
