// Gather and ScatterAdd. Unit is as much of a row as is moved in one access.

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

// Steps in units.
extern "C" __global__ void __launch_bounds__(256) gather(long long threads, const Unit *table, const int *indices, Unit *to,
    IndexError *error, int operation, int rows, long long columns, long long tableRow, long long tableColumn,
    long long indexStep, long long toRow, long long toColumn) {
  long long thread = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (thread >= threads) {
    return;
  }
  long long position = thread / columns, column = thread % columns;
  int index = indices[position * indexStep];
  if (index < 0 || index >= rows) {
    if (column == 0) {
      out_of_range(error, operation, position, index, rows);
    }
    return;
  }
  to[position * toRow + column * toColumn] = table[index * tableRow + column * tableColumn];
}

// One block for a row of the result and as many columns as it has threads. It looks through all indices and adds the rows of values
// that belong to it as it meets them, hence in index order.
extern "C" __global__ void __launch_bounds__(256) scatter_add(const float *values, const int *indices, float *to,
    long long count, long long columns, long long tiles, long long valueRow, long long valueColumn, long long indexStep,
    long long toRow, long long toColumn) {
  __shared__ int chunk[256];
  long long row = blockIdx.x / tiles, column = blockIdx.x % tiles * blockDim.x + threadIdx.x;
  float sum = 0;
  for (long long from = 0; from < count; from += blockDim.x) {
    long long i = from + threadIdx.x;
    int index = i < count ? indices[i * indexStep] : -1;
    chunk[threadIdx.x] = index;
    if (__syncthreads_or(index == row) && column < columns) {
      int n = count - from < blockDim.x ? (int)(count - from) : (int)blockDim.x;
      for (int j = 0; j < n; j++) {
        if (chunk[j] == row) {
          sum += values[(from + j) * valueRow + column * valueColumn];
        }
      }
    }
    __syncthreads();
  }
  if (column < columns) {
    to[row * toRow + column * toColumn] = sum;
  }
}

extern "C" __global__ void __launch_bounds__(256) check_indices(const int *indices, long long count, long long indexStep,
    IndexError *error, int operation, int rows) {
  long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (i < count) {
    int index = indices[i * indexStep];
    if (index < 0 || index >= rows) {
      out_of_range(error, operation, i, index, rows);
    }
  }
}
