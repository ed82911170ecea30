// Copies elements from one layout to another; zeros where there is no source. Strides are in elements and may be negative. Source and
// Element are one type, whose bits are copied, or two that are converted.

template <class To, class From> struct Conversion {
  static __device__ __forceinline__ void set(To &to, From from) { store(to, load(from)); }
};

template <class T> struct Conversion<T, T> {
  static __device__ __forceinline__ void set(T &to, T from) { to = from; }
};

template <class Index>
__device__ void copyElements(Element *to, const Source *from, long long count, Index d1, Index d2, Index d3,
                             const long long *f, const long long *t) {
  long long step = (long long)gridDim.x * blockDim.x;
  for (long long n = (long long)blockIdx.x * blockDim.x + threadIdx.x; n < count; n += step) {
    Index rest = (Index)n;
    Index i3 = rest % d3;
    rest /= d3;
    Index i2 = rest % d2;
    rest /= d2;
    Index i1 = rest % d1;
    Index i0 = rest / d1;
    Source value = {};
    if (from != 0) {
      value = from[i0 * f[0] + i1 * f[1] + i2 * f[2] + i3 * f[3]];
    }
    Conversion<Element, Source>::set(to[i0 * t[0] + i1 * t[1] + i2 * t[2] + i3 * t[3]], value);
  }
}

extern "C" __global__ void strided_copy(Element *to, const Source *from, long long count, long long d0,
                                        long long d1, long long d2, long long d3, long long f0, long long f1, long long f2, long long f3,
                                        long long t0, long long t1, long long t2, long long t3) {
  long long f[4] = {f0, f1, f2, f3};
  long long t[4] = {t0, t1, t2, t3};
  if (count <= 0x7fffffffLL) {
    // A division of 32 bits is several times cheaper than one of 64.
    copyElements<unsigned>(to, from, count, (unsigned)d1, (unsigned)d2, (unsigned)d3, f, t);
  } else {
    copyElements<long long>(to, from, count, d1, d2, d3, f, t);
  }
}
