#!/bin/sh
# build-emulator.sh OUTPUT [JCUDA_NATIVES]: builds the emulated CUDA libraries into OUTPUT with g++ and binutils.
# JCUDA_NATIVES is the folder of JCuda's JNI libraries: each function that they import and the emulator does not have
# gets a stub that names itself and returns "not supported"; without the folder such a call would end the JVM.
# What cannot be built is no error: the CUDA tests look for OUTPUT/libcuda.so.1 and are skipped where it is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
cpp=$here/src/main/cpp
out=$1
natives=${2:-}
compiler=${CXX:-g++}

skip() {
  rm -rf "$out"
  cat >&2 <<EOF
[WARNING] ======================================================================
[WARNING] The CUDA emulator is not built: $1.
[WARNING] ALL CUDA TESTS WILL BE SKIPPED on this machine.
[WARNING] ======================================================================
EOF
  exit 0
}

case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) ;;
  *) skip "it needs Linux on x86-64, this is $(uname -s) on $(uname -m)" ;;
esac
for tool in "$compiler" ld nm; do
  command -v "$tool" >/dev/null || skip "there is no $tool (install g++ and binutils)"
done

built=$out/built
# Folders count: one is newer when a file in it was removed.
if [ -f "$built" ] && [ "$(cat "$built")" = "$("$compiler" --version | head -n 1)" ] \
  && [ -z "$(find "$cpp" "$here/build-emulator.sh" -newer "$built" | head -n 1)" ]; then
  exit 0
fi

echo "Building the CUDA emulator ..."
rm -rf "$out"
objects=$out/objects
mkdir -p "$objects"

# stubs JNI_LIBRARY PREFIX STATUS: C++ source with a weak function for everything that the JNI library imports.
stubs() {
  cat <<'EOF'
#include <cstdio>
#define STUB(function, status) \
  extern "C" __attribute__((weak, visibility("default"))) int function() { \
    fputs("emulator: " #function " is not emulated\n", stderr); \
    return status; \
  }
EOF
  [ -z "$natives" ] || nm -D --undefined-only "$natives/lib$1"-*.so |
    sed -n "s/.* U \\($2[A-Za-z0-9_]*\\).*/STUB(\\1, $3)/p" | sort -u
}

# library SONAME FOLDER JNI_LIBRARY PREFIX NOT_SUPPORTED [LINKER ARGUMENTS]
library() {
  soname=$1
  folder=$2
  stubs "$3" "$4" "$5" >"$objects/$folder-stubs.cpp"
  shift 5
  # JCuda's natives ask for symbols with the library's name as version, as NVIDIA's libraries have them.
  printf '%s { global: *; };\n' "$soname" >"$objects/$folder.map"
  "$compiler" -std=c++20 -O2 -g1 -Wall -Wextra -Wno-unused-parameter -Wno-restrict -fPIC -shared -fvisibility=hidden \
    -fopenmp-simd -ffp-contract=off -fno-math-errno -I"$cpp" -Wl,-soname,"$soname" -Wl,-rpath,'$ORIGIN' \
    -o "$out/$soname" "$cpp/$folder"/*.cpp "$objects/$folder-stubs.cpp" "$@"
}

# versioned SONAME FOLDER ...: the same, with versions and linked to the driver.
versioned() {
  library "$@" -O3 -Wl,--version-script="$objects/$2.map" "$out/libcuda.so.1"
}

# empty SONAME: NVIDIA splits some libraries; who loads the parts one by one must find them.
empty() {
  echo 'extern "C" { int emulator_empty; }' | "$compiler" -x c++ -shared -fPIC -Wl,-soname,"$1" -o "$out/$1" -
}

library libcuda.so.1 driver JCudaDriver cu 801 -ldl
versioned libnvrtc.so.12 nvrtc JNvrtc nvrtc 11
versioned libcublas.so.12 cublas JCublas2 cublas 15
versioned libcudnn.so.9 cudnn JCudnn cudnn 3000
empty libcublasLt.so.12
empty libnvrtc-builtins.so.12.6
cp "$cpp/kernel/cuda_prelude.h" "$cpp/kernel/shared_section.ld" "$out/"
rm -rf "$objects"
"$compiler" --version | head -n 1 >"$built"
