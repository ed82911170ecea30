// One step of recurrent cells and of backpropagation through it, a thread for each element of the states [N, H]; what
// is a product is made by cuBLAS between the steps. Gates lie side by side, [N, G*H], in the order of the weights.
// Steps that are outside a sequence leave its states alone. lengths is null where every sequence has all steps.

#define STEP long long elements, int hidden, const int *lengths, long long lengthStep, int step
#define ELEMENTS(e)                                                                      \
  for (long long e = blockIdx.x * (long long)blockDim.x + threadIdx.x; e < elements;    \
       e += (long long)gridDim.x * blockDim.x)

// Where an element's numbers lie.
struct Place {
  long long row;
  int unit;
  long long gates;

  __device__ __forceinline__ Place(long long element, int hidden, int count) {
    row = element <= 0x7fffffffLL ? (unsigned)element / (unsigned)hidden : element / hidden;
    unit = (int)(element - row * hidden);
    gates = row * count * hidden + unit;
  }
};

__device__ __forceinline__ bool inside(const int *lengths, long long lengthStep, long long row, int step) {
  return lengths == 0 || step < lengths[row * lengthStep];
}

// Whether the initial states enter at this step, which is inside.
__device__ __forceinline__ bool first(const int *lengths, long long lengthStep, long long row, int step, int steps,
                                      int reverse) {
  if (!reverse) {
    return step == 0;
  }
  // A length beyond the last step counts as that.
  return step == steps - 1 || (lengths != 0 && step == lengths[row * lengthStep] - 1);
}

// ---- forward: ofX [N, G*H] becomes the gates, ofH [N, G*H] is W_h h without its bias, h and c become the new states;
// memory, where it is not null, gets what else a step's gradient reads ----

#define FORWARD                                                                                                      \
  STEP, float *ofX, const float *ofH, const float *biasIh, const float *biasHh, float *h, float *c, float *y, float *memory

template <bool RELU>
__device__ __forceinline__ void plain(STEP, const float *ofX, const float *ofH, const float *biasIh, const float *biasHh,
                                      float *h, float *y) {
  ELEMENTS(e) {
    Place p(e, hidden, 1);
    if (inside(lengths, lengthStep, p.row, step)) {
      float sum = ofX[e] + biasIh[p.unit] + (ofH[e] + biasHh[p.unit]);
      y[e] = h[e] = RELU ? op_max(sum, 0.0f) : tanhf(sum);
    } else {
      y[e] = 0;
    }
  }
}

extern "C" __global__ void __launch_bounds__(256) rnn_tanh(FORWARD) {
  plain<false>(elements, hidden, lengths, lengthStep, step, ofX, ofH, biasIh, biasHh, h, y);
}

extern "C" __global__ void __launch_bounds__(256) rnn_relu(FORWARD) {
  plain<true>(elements, hidden, lengths, lengthStep, step, ofX, ofH, biasIh, biasHh, h, y);
}

__device__ __forceinline__ float both(const float *ofX, const float *ofH, const float *biasIh, const float *biasHh,
                                      const Place &p, int gate, int hidden) {
  int unit = gate * hidden + p.unit;
  long long at = p.gates + (long long)gate * hidden;
  return ofX[at] + biasIh[unit] + (ofH[at] + biasHh[unit]);
}

// memory gets the new c.
extern "C" __global__ void __launch_bounds__(256) lstm(FORWARD) {
  ELEMENTS(e) {
    Place p(e, hidden, 4);
    if (inside(lengths, lengthStep, p.row, step)) {
      float i = op_sigmoid(both(ofX, ofH, biasIh, biasHh, p, 0, hidden));
      float f = op_sigmoid(both(ofX, ofH, biasIh, biasHh, p, 1, hidden));
      float g = tanhf(both(ofX, ofH, biasIh, biasHh, p, 2, hidden));
      float o = op_sigmoid(both(ofX, ofH, biasIh, biasHh, p, 3, hidden));
      float *gates = ofX + p.gates;
      gates[0] = i;
      gates[hidden] = f;
      gates[2LL * hidden] = g;
      gates[3LL * hidden] = o;
      float cell = f * c[e] + i * g;
      c[e] = cell;
      y[e] = h[e] = o * tanhf(cell);
      if (memory != 0) {
        memory[e] = cell;
      }
    } else {
      y[e] = 0;
    }
  }
}

// memory gets W_hn h + b_hn.
extern "C" __global__ void __launch_bounds__(256) gru(FORWARD) {
  ELEMENTS(e) {
    Place p(e, hidden, 3);
    if (inside(lengths, lengthStep, p.row, step)) {
      float r = op_sigmoid(both(ofX, ofH, biasIh, biasHh, p, 0, hidden));
      float z = op_sigmoid(both(ofX, ofH, biasIh, biasHh, p, 1, hidden));
      float *gates = ofX + p.gates;
      float recurrent = ofH[p.gates + 2LL * hidden] + biasHh[2 * hidden + p.unit];
      float n = tanhf(gates[2LL * hidden] + biasIh[2 * hidden + p.unit] + r * recurrent);
      gates[0] = r;
      gates[hidden] = z;
      gates[2LL * hidden] = n;
      y[e] = h[e] = (1 - z) * n + z * h[e];
      if (memory != 0) {
        memory[e] = recurrent;
      }
    } else {
      y[e] = 0;
    }
  }
}

// Of the cell that resets the state before its product: r, and r h, of which W_hn's part of ofH is made next.
extern "C" __global__ void __launch_bounds__(256)
    gru_reset(STEP, float *ofX, const float *ofH,
              const float *biasIh, const float *biasHh, const float *h, float *kept) {
  ELEMENTS(e) {
    Place p(e, hidden, 3);
    float r = op_sigmoid(both(ofX, ofH, biasIh, biasHh, p, 0, hidden));
    ofX[p.gates] = r;
    kept[e] = r * h[e];
  }
}

extern "C" __global__ void __launch_bounds__(256) gru_reset_before(FORWARD) {
  ELEMENTS(e) {
    Place p(e, hidden, 3);
    if (inside(lengths, lengthStep, p.row, step)) {
      float z = op_sigmoid(both(ofX, ofH, biasIh, biasHh, p, 1, hidden));
      float n = tanhf(both(ofX, ofH, biasIh, biasHh, p, 2, hidden));
      float *gates = ofX + p.gates;
      gates[hidden] = z;
      gates[2LL * hidden] = n;
      y[e] = h[e] = (1 - z) * h[e] + z * n;
    } else {
      y[e] = 0;
    }
  }
}

// ---- backward: dh and dc hold the gradients of the states after the step and get what does not pass through a
// product, to which the host adds that of the gates' gradients. before and cellsBefore are the states after the step
// before, read only where there is one; hBefore gets the state that entered the step ----

#define BACKWARD                                                                                                     \
  STEP, int steps, int reverse, const float *gates, const float *memory, const float *y, const float *before,        \
      const float *h0, const float *cellsBefore, const float *c0, const float *gradY, float *dh, float *dc,          \
      float *gradGates, float *gradOfH, float *hBefore

template <bool RELU> __device__ __forceinline__ void plain_grad(BACKWARD) {
  ELEMENTS(e) {
    Place p(e, hidden, 1);
    if (inside(lengths, lengthStep, p.row, step)) {
      float g = dh[e] + gradY[e], value = y[e];
      gradGates[e] = RELU ? (value > 0 ? g : 0) : g * (1 - value * value);
      hBefore[e] = first(lengths, lengthStep, p.row, step, steps, reverse) ? h0[e] : before[e];
      dh[e] = 0;
    } else {
      gradGates[e] = 0;
      hBefore[e] = 0;
    }
  }
}

#define GIVEN                                                                                                        \
  elements, hidden, lengths, lengthStep, step, steps, reverse, gates, memory, y, before, h0, cellsBefore, c0, gradY, \
      dh, dc, gradGates, gradOfH, hBefore

extern "C" __global__ void __launch_bounds__(256) rnn_tanh_grad(BACKWARD) { plain_grad<false>(GIVEN); }
extern "C" __global__ void __launch_bounds__(256) rnn_relu_grad(BACKWARD) { plain_grad<true>(GIVEN); }

// memory holds the cell states.
extern "C" __global__ void __launch_bounds__(256) lstm_grad(BACKWARD) {
  ELEMENTS(e) {
    Place p(e, hidden, 4);
    float *to = gradGates + p.gates;
    if (inside(lengths, lengthStep, p.row, step)) {
      const float *gate = gates + p.gates;
      float i = gate[0], f = gate[hidden], g = gate[2LL * hidden], o = gate[3LL * hidden];
      bool enters = first(lengths, lengthStep, p.row, step, steps, reverse);
      float squashed = tanhf(memory[e]), ofH = dh[e] + gradY[e];
      float ofCell = dc[e] + ofH * o * (1 - squashed * squashed);
      to[0] = ofCell * g * i * (1 - i);
      to[hidden] = ofCell * (enters ? c0[e] : cellsBefore[e]) * f * (1 - f);
      to[2LL * hidden] = ofCell * i * (1 - g * g);
      to[3LL * hidden] = ofH * squashed * o * (1 - o);
      hBefore[e] = enters ? h0[e] : before[e];
      dc[e] = ofCell * f;
      dh[e] = 0;
    } else {
      to[0] = to[hidden] = to[2LL * hidden] = to[3LL * hidden] = 0;
      hBefore[e] = 0;
    }
  }
}

// memory holds W_hn h + b_hn. The third gate's gradient differs between the two products: gradGates is of W_i x,
// gradOfH of W_h h.
extern "C" __global__ void __launch_bounds__(256) gru_grad(BACKWARD) {
  ELEMENTS(e) {
    Place p(e, hidden, 3);
    float *ofX = gradGates + p.gates, *ofH = gradOfH + p.gates;
    if (inside(lengths, lengthStep, p.row, step)) {
      const float *gate = gates + p.gates;
      float r = gate[0], z = gate[hidden], n = gate[2LL * hidden];
      float h = first(lengths, lengthStep, p.row, step, steps, reverse) ? h0[e] : before[e];
      float g = dh[e] + gradY[e];
      float ofCandidate = g * (1 - z) * (1 - n * n);
      ofX[0] = ofH[0] = ofCandidate * memory[e] * r * (1 - r);
      ofX[hidden] = ofH[hidden] = g * (h - n) * z * (1 - z);
      ofX[2LL * hidden] = ofCandidate;
      ofH[2LL * hidden] = ofCandidate * r;
      hBefore[e] = h;
      dh[e] = g * z;
    } else {
      ofX[0] = ofX[hidden] = ofX[2LL * hidden] = 0;
      ofH[0] = ofH[hidden] = ofH[2LL * hidden] = 0;
      hBefore[e] = 0;
    }
  }
}

extern "C" __global__ void __launch_bounds__(256) gru_reset_before_grad(BACKWARD) {
  ELEMENTS(e) {
    Place p(e, hidden, 3);
    float *to = gradGates + p.gates;
    if (inside(lengths, lengthStep, p.row, step)) {
      const float *gate = gates + p.gates;
      float z = gate[hidden], n = gate[2LL * hidden];
      float h = first(lengths, lengthStep, p.row, step, steps, reverse) ? h0[e] : before[e];
      float g = dh[e] + gradY[e];
      to[hidden] = g * (n - h) * z * (1 - z);
      to[2LL * hidden] = g * z * (1 - n * n);
      hBefore[e] = h;
      dh[e] = g * (1 - z);
    } else {
      to[hidden] = to[2LL * hidden] = 0;
      hBefore[e] = 0;
    }
  }
}

// gradKept is the gradient of r h; kept gets r h once more, for the gradient of W_hn.
extern "C" __global__ void __launch_bounds__(256)
    gru_reset_grad(STEP, const float *gates,
                   const float *hBefore, const float *gradKept, float *dh, float *gradGates, float *kept) {
  ELEMENTS(e) {
    Place p(e, hidden, 3);
    if (inside(lengths, lengthStep, p.row, step)) {
      float r = gates[p.gates], h = hBefore[e], g = gradKept[e];
      gradGates[p.gates] = g * h * r * (1 - r);
      kept[e] = r * h;
      dh[e] += g * r;
    } else {
      gradGates[p.gates] = 0;
      kept[e] = 0;
    }
  }
}
