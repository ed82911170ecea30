// What kernels leave for the host to find: the first index out of range that was seen.
struct IndexError {
  int seen;
  int operation;
  int index;
  int rows;
  long long position;
};

__device__ __forceinline__ void out_of_range(IndexError *error, int operation, long long position, int index, int rows) {
  if (atomicCAS(&error->seen, 0, 1) == 0) {
    error->operation = operation;
    error->index = index;
    error->rows = rows;
    error->position = position;
  }
}
