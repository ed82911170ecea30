// The instructions of pointwise programs. Java's rules where C's differ: MAX and MIN give NaN if an operand is NaN and
// order zeros by sign, pow(1, NaN) is NaN, integers wrap, a float that becomes an integer saturates.

__device__ __forceinline__ float op_max(float a, float b) {
  if (a != a || b != b) {
    return __int_as_float(0x7fc00000);
  }
  return a > b ? a : a < b ? b : __int_as_float(__float_as_int(a) & __float_as_int(b));
}

__device__ __forceinline__ float op_min(float a, float b) {
  if (a != a || b != b) {
    return __int_as_float(0x7fc00000);
  }
  return a < b ? a : a > b ? b : __int_as_float(__float_as_int(a) | __float_as_int(b));
}

__device__ __forceinline__ int op_max(int a, int b) { return a > b ? a : b; }
__device__ __forceinline__ int op_min(int a, int b) { return a < b ? a : b; }

__device__ __forceinline__ float op_add(float a, float b) { return a + b; }
__device__ __forceinline__ float op_sub(float a, float b) { return a - b; }
__device__ __forceinline__ float op_mul(float a, float b) { return a * b; }
__device__ __forceinline__ int op_add(int a, int b) { return (int)((unsigned)a + (unsigned)b); }
__device__ __forceinline__ int op_sub(int a, int b) { return (int)((unsigned)a - (unsigned)b); }
__device__ __forceinline__ int op_mul(int a, int b) { return (int)((unsigned)a * (unsigned)b); }

__device__ __forceinline__ float op_neg(float a) { return -a; }
__device__ __forceinline__ int op_neg(int a) { return (int)(0u - (unsigned)a); }
__device__ __forceinline__ float op_abs(float a) { return fabsf(a); }
__device__ __forceinline__ int op_abs(int a) { return a < 0 ? op_neg(a) : a; }

__device__ __forceinline__ float op_pow(float a, float b) {
  float infinity = __int_as_float(0x7f800000);
  if (b == 0) {
    return 1;
  }
  if (b != b || (fabsf(a) == 1 && fabsf(b) == infinity)) {
    return __int_as_float(0x7fc00000);
  }
  return powf(a, b);
}

// No overflow in either direction: exp is taken of negative numbers only.
__device__ __forceinline__ float op_sigmoid(float a) {
  float e = expf(-fabsf(a));
  return (a >= 0 ? 1 : e) / (1 + e) + (a != a ? a : 0);
}

__device__ __forceinline__ float op_to_float(int a) { return (float)a; }
__device__ __forceinline__ float op_to_float(bool a) { return a ? 1.0f : 0.0f; }
__device__ __forceinline__ int op_to_int(bool a) { return a ? 1 : 0; }

__device__ __forceinline__ int op_to_int(float a) {
  if (a != a) {
    return 0;
  }
  return a >= 2147483648.0f ? 2147483647 : a <= -2147483648.0f ? (int)0x80000000 : (int)a;
}

// Four words of Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011), the
// same bits as on the host: counter (block, step, salt, high half of block), where a block is four elements.
struct Words {
  unsigned at[4];
};

__device__ __forceinline__ Words philox(long long key, int step, int salt, unsigned long long block) {
  unsigned c0 = (unsigned)block, c1 = (unsigned)step, c2 = (unsigned)salt, c3 = (unsigned)(block >> 32);
  unsigned k0 = (unsigned)key, k1 = (unsigned)((unsigned long long)key >> 32);
#pragma unroll
  for (int round = 0; round < 10; round++) {
    unsigned h0 = __umulhi(0xD2511F53u, c0), l0 = 0xD2511F53u * c0;
    unsigned h1 = __umulhi(0xCD9E8D57u, c2), l1 = 0xCD9E8D57u * c2;
    c0 = h1 ^ c1 ^ k0;
    c1 = l1;
    c2 = h0 ^ c3 ^ k1;
    c3 = l0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  Words words = {{c0, c1, c2, c3}};
  return words;
}

// A multiple of 2^-24 in [0, 1).
__device__ __forceinline__ float uniform(unsigned word) { return (float)(word >> 8) * 5.9604644775390625e-8f; }

__device__ __forceinline__ float op_random(long long key, int step, int salt, long long element) {
  Words words = philox(key, step, salt, (unsigned long long)element >> 2);
  unsigned low = (element & 1) == 0 ? words.at[0] : words.at[1], high = (element & 1) == 0 ? words.at[2] : words.at[3];
  return uniform((element & 2) == 0 ? low : high);
}
