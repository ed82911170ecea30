// Normalisation and its gradients. A block computes one result (or row of results) from all elements that belong to it. All six
// operands are walked with strides of their own over the shape of x: four axes that tell results apart, four that are summed over.
// Element is what x and y, and their gradients, are in memory; all else is float.

#define EIGHT(p) long long p##0, long long p##1, long long p##2, long long p##3, long long p##4, long long p##5, \
                 long long p##6, long long p##7
#define LIST(p) {p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7}
#define OPERANDS 6
#define WALK EIGHT(size), EIGHT(a), EIGHT(b), EIGHT(c), EIGHT(d), EIGHT(e), EIGHT(f)
#define MAKE_WALK {LIST(size), {LIST(a), LIST(b), LIST(c), LIST(d), LIST(e), LIST(f)}}
#define KEPT 0
#define SUMMED 4

struct Walk {
  long long size[8];
  long long stride[OPERANDS][8];
};

struct Place {
  long long at[OPERANDS];
};

// The place moved by the index along the four axes from `first` on.
__device__ Place moved(const Walk &w, Place from, long long index, int first) {
  Place p = from;
#pragma unroll
  for (int axis = first + 3; axis >= first; axis--) {
    long long i = index;
    if (axis > first && index >= w.size[axis]) {
      if (index <= 0x7fffffffLL) {
        // A division of 32 bits is several times cheaper than one of 64.
        unsigned whole = (unsigned)index / (unsigned)w.size[axis];
        i = index - whole * w.size[axis];
        index = whole;
      } else {
        i = index % w.size[axis];
        index /= w.size[axis];
      }
    } else {
      index = 0;
    }
#pragma unroll
    for (int k = 0; k < OPERANDS; k++) {
      p.at[k] += i * w.stride[k][axis];
    }
  }
  return p;
}

// The sum over the block, the same for all threads; the number of threads is a power of two.
__device__ float blockSum(float value) {
  __shared__ float sums[1024];
  sums[threadIdx.x] = value;
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) {
      sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    __syncthreads();
  }
  float total = sums[0];
  __syncthreads();
  return total;
}

#define FOR_RESULTS(r) for (long long r = blockIdx.x; r < results; r += gridDim.x)
#define FOR_ELEMENTS(j) for (long long j = threadIdx.x; j < elements; j += blockDim.x)

// Operands: x, weight or null, bias or null, y, mean, variance.
extern "C" __global__ void normalize(const Element *x, const float *weight, const float *bias, Element *y, float *mean,
                                     float *variance, long long results, long long elements, float eps, WALK) {
  Walk walk = MAKE_WALK;
  Place start = {{0, 0, 0, 0, 0, 0}};
  FOR_RESULTS(r) {
    Place row = moved(walk, start, r, KEPT);
    float sum = 0;
    FOR_ELEMENTS(j) {
      sum += load(x[moved(walk, row, j, SUMMED).at[0]]);
    }
    float m = blockSum(sum) / (float)elements;
    float squares = 0;
    FOR_ELEMENTS(j) {
      float deviation = load(x[moved(walk, row, j, SUMMED).at[0]]) - m;
      squares += deviation * deviation;
    }
    float v = blockSum(squares) / (float)elements;
    float scale = 1.0f / sqrtf(v + eps);
    FOR_ELEMENTS(j) {
      Place p = moved(walk, row, j, SUMMED);
      float z = (load(x[p.at[0]]) - m) * scale;
      store(y[p.at[3]], weight == 0 ? z : z * weight[p.at[1]] + bias[p.at[2]]);
    }
    if (threadIdx.x == 0) {
      mean[row.at[4]] = m;
      variance[row.at[5]] = v;
    }
  }
}

// Operands: x, weight or null, mean, variance, gradient of y, gradient of x.
extern "C" __global__ void normalize_grad(const Element *x, const float *weight, const float *mean, const float *variance,
                                          const Element *gy, Element *gx, long long results, long long elements, float eps,
                                          WALK) {
  Walk walk = MAKE_WALK;
  Place start = {{0, 0, 0, 0, 0, 0}};
  FOR_RESULTS(r) {
    Place row = moved(walk, start, r, KEPT);
    float m = mean[row.at[2]];
    float scale = 1.0f / sqrtf(variance[row.at[3]] + eps);
    float sum = 0, product = 0;
    FOR_ELEMENTS(j) {
      Place p = moved(walk, row, j, SUMMED);
      float g = weight == 0 ? load(gy[p.at[4]]) : load(gy[p.at[4]]) * weight[p.at[1]];
      sum += g;
      product += g * ((load(x[p.at[0]]) - m) * scale);
    }
    sum = blockSum(sum) / (float)elements;
    product = blockSum(product) / (float)elements;
    FOR_ELEMENTS(j) {
      Place p = moved(walk, row, j, SUMMED);
      float g = weight == 0 ? load(gy[p.at[4]]) : load(gy[p.at[4]]) * weight[p.at[1]];
      store(gx[p.at[5]], (g - sum - (load(x[p.at[0]]) - m) * scale * product) * scale);
    }
  }
}

// Operands: x, mean, variance, gradient of y, gradients of weight and bias. A result is one weight.
extern "C" __global__ void normalize_grad_weight(const Element *x, const float *mean, const float *variance,
                                                 const Element *gy, float *gradWeight, float *gradBias, long long results,
                                                 long long elements, float eps, WALK) {
  Walk walk = MAKE_WALK;
  Place start = {{0, 0, 0, 0, 0, 0}};
  FOR_RESULTS(r) {
    Place row = moved(walk, start, r, KEPT);
    float sum = 0, product = 0;
    FOR_ELEMENTS(j) {
      Place p = moved(walk, row, j, SUMMED);
      float g = load(gy[p.at[3]]);
      sum += g;
      product += g * ((load(x[p.at[0]]) - mean[p.at[1]]) / sqrtf(variance[p.at[2]] + eps));
    }
    sum = blockSum(sum);
    product = blockSum(product);
    if (threadIdx.x == 0) {
      gradWeight[row.at[4]] = product;
      gradBias[row.at[5]] = sum;
    }
  }
}
