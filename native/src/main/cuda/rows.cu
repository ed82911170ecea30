// Gather, and where indices are checked. Unit is as much of a row as is moved in one access.

// Steps in units.
extern "C" __global__ void __launch_bounds__(256) gather(long long threads, const Unit *table, const int *indices, Unit *to,
    IndexError *error, int operation, int rows, long long columns, long long tableRow, long long tableColumn,
    long long indexStep, long long toRow, long long toColumn) {
  long long thread = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (thread >= threads) {
    return;
  }
  // A division of 32 bits is several times cheaper than one of 64.
  long long position = threads <= 0x7fffffffLL ? (unsigned)thread / (unsigned)columns : thread / columns;
  long long column = thread - position * columns;
  int index = indices[position * indexStep];
  if (index < 0 || index >= rows) {
    if (column == 0) {
      out_of_range(error, operation, position, index, rows);
    }
    return;
  }
  to[position * toRow + column * toColumn] = table[index * tableRow + column * tableColumn];
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
