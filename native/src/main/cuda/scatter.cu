// ScatterAdd: positions are sorted by their index, stably, eight bits at a time from the lowest on (a radix sort as in
// Satish, Harris and Garland: Designing efficient sorting algorithms for manycore GPUs, IPDPS 2009). Then each row of
// the result is the sum of its positions in order, whatever the device. Element is the type of the values, WIDTH how
// many columns are read in one access.

#define DIGITS 256
#define WARPS 8
#define ROUNDS 8
// Positions of a block.
#define CHUNK (WARPS * 32 * ROUNDS)

// An index out of range sorts behind all rows.
extern "C" __global__ void __launch_bounds__(256) scatter_keys(const int *indices, int count, long long indexStep, unsigned *keys,
                                                               IndexError *error, int operation, int rows) {
  long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (i < count) {
    int index = indices[i * indexStep];
    bool valid = index >= 0 && index < rows;
    if (!valid) {
      out_of_range(error, operation, i, index, rows);
    }
    keys[i] = (unsigned)(valid ? index : rows);
  }
}

__device__ __forceinline__ int digit(unsigned key, int shift) { return (int)(key >> shift & (DIGITS - 1)); }

// counts [DIGITS, blocks]: how often each digit occurs in a block's chunk.
extern "C" __global__ void __launch_bounds__(256) scatter_count(const unsigned *keys, int count, int shift, int *counts) {
  __shared__ int seen[DIGITS];
  seen[threadIdx.x] = 0;
  __syncthreads();
  long long from = blockIdx.x * (long long)CHUNK;
  for (int n = threadIdx.x; n < CHUNK && from + n < count; n += blockDim.x) {
    atomicAdd(&seen[digit(keys[from + n], shift)], 1);
  }
  __syncthreads();
  counts[threadIdx.x * (long long)gridDim.x + blockIdx.x] = seen[threadIdx.x];
}

// A block for each digit: counts become the numbers of the chunks before, totals [DIGITS] those of all.
extern "C" __global__ void __launch_bounds__(256) scatter_scan(int *counts, int chunks, int *totals) {
  int *mine = counts + blockIdx.x * (long long)chunks;
  int before = 0;
  for (int from = 0; from < chunks; from += blockDim.x) {
    int n = from + threadIdx.x, all;
    int sum = before + sum_before(n < chunks ? mine[n] : 0, all);
    if (n < chunks) {
      mine[n] = sum;
    }
    before += all;
  }
  if (threadIdx.x == 0) {
    totals[blockIdx.x] = before;
  }
}

// Moves keys, and the positions they came from, to where their digit puts them; one block needs neither counts nor
// totals. positions is null in the first pass, when each is where it came from.
extern "C" __global__ void __launch_bounds__(256)
    scatter_place(const unsigned *keys, const int *positions, int count, int shift, const int *counts, const int *totals,
                  unsigned *toKeys, int *toPositions) {
  __shared__ int seen[WARPS][DIGITS];
  __shared__ int starts[DIGITS];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
#pragma unroll
  for (int w = 0; w < WARPS; w++) {
    seen[w][threadIdx.x] = 0;
  }
  __syncthreads();
  // A warp takes neighbouring positions, 32 in a round, and numbers those of each digit.
  const long long from = blockIdx.x * (long long)CHUNK + warp * (32 * ROUNDS) + lane;
  unsigned key[ROUNDS];
  int rank[ROUNDS];
#pragma unroll
  for (int n = 0; n < ROUNDS; n++) {
    bool there = from + n * 32 < count;
    key[n] = there ? keys[from + n * 32] : 0;
    int d = digit(key[n], shift);
    unsigned same = __ballot_sync(~0u, there);
#pragma unroll
    for (int bit = 1; bit < DIGITS; bit *= 2) {
      unsigned set = __ballot_sync(~0u, (d & bit) != 0);
      same &= (d & bit) != 0 ? set : ~set;
    }
    int before = __popc(same & ((1u << lane) - 1));
    rank[n] = seen[warp][d] + before;
    __syncwarp();
    if (there && before == 0) {
      seen[warp][d] += __popc(same);
    }
    __syncwarp();
  }
  __syncthreads();
  int mine = 0;
#pragma unroll
  for (int w = 0; w < WARPS; w++) {
    int n = seen[w][threadIdx.x];
    seen[w][threadIdx.x] = mine;
    mine += n;
  }
  bool alone = gridDim.x == 1;
  int all;
  starts[threadIdx.x] = sum_before(alone ? mine : totals[threadIdx.x], all)
      + (alone ? 0 : counts[threadIdx.x * (long long)gridDim.x + blockIdx.x]);
  __syncthreads();
#pragma unroll
  for (int n = 0; n < ROUNDS; n++) {
    long long i = from + n * 32;
    if (i < count) {
      int d = digit(key[n], shift);
      int at = starts[d] + seen[warp][d] + rank[n];
      toKeys[at] = key[n];
      toPositions[at] = positions == 0 ? (int)i : positions[i];
    }
  }
}

// The number of keys below this one.
__device__ __forceinline__ int lower_bound(const unsigned *keys, int count, unsigned key) {
  int from = 0;
  while (count > 0) {
    int half = count / 2;
    if (keys[from + half] < key) {
      from += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return from;
}

// Columns are shared out to `lanes` threads, a power of two, rows to the rest of the block. A thread adds in order of
// positions; the loads of a few of them are under way together.
extern "C" __global__ void __launch_bounds__(256)
    scatter_add(const Element *values, const unsigned *keys, const int *positions, Element *to, int count, int rows, int lanes,
                long long columns, long long tiles, long long valueRow, long long valueColumn, long long toRow,
                long long toColumn) {
  typedef Pack<Element, WIDTH> Access;
  __shared__ int starts[257];
  const int together = blockDim.x / lanes, mine = threadIdx.x / lanes;
  const long long firstRow = blockIdx.x / tiles * together, row = firstRow + mine;
  for (int n = threadIdx.x; n <= together; n += blockDim.x) {
    starts[n] = lower_bound(keys, count, (unsigned)(firstRow + n < rows ? firstRow + n : rows));
  }
  __syncthreads();
  const long long column = (blockIdx.x % tiles * lanes + threadIdx.x % lanes) * WIDTH;
  if (row >= rows || column >= columns) {
    return;
  }
  const Element *source = values + column * valueColumn;
  float sum[WIDTH];
#pragma unroll
  for (int j = 0; j < WIDTH; j++) {
    sum[j] = 0;
  }
  const int end = starts[mine + 1];
#pragma unroll 4
  for (int i = starts[mine]; i < end; i++) {
    Access x = *(const Access *)(source + positions[i] * valueRow);
#pragma unroll
    for (int j = 0; j < WIDTH; j++) {
      sum[j] += load(x.at[j]);
    }
  }
  Access y;
#pragma unroll
  for (int j = 0; j < WIDTH; j++) {
    store(y.at[j], sum[j]);
  }
  *(Access *)(to + row * toRow + column * toColumn) = y;
}
