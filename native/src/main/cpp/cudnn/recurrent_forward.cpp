// cudnnRNNForward.
#include <cmath>

#include "cudnn/recurrent.h"

using namespace emulator;

namespace {

// tf32: operands are rounded.
float dot(const float *a, const float *b, int n, bool tf32) {
  float sum = 0;
  if (tf32) {
    for (int i = 0; i < n; i++) {
      sum += toTf32(a[i]) * toTf32(b[i]);
    }
    return sum;
  }
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; i++) {
    sum += a[i] * b[i];
  }
  return sum;
}

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

// One step of one item: fills the cell from the input and the state before.
void forwardCell(Network &net, int pseudoLayer, const Cell &cell, const float *in, const float *h, const float *c) {
  const RnnDescriptor &rnn = net.rnn;
  int H = rnn.hiddenSize, G = rnn.gates(), width = inputSize(rnn, pseudoLayer);
  for (int j = 0; j < H; j++) {
    float x[4], r[4];
    for (int g = 0; g < G; g++) {
      x[g] = dot(net.matrix(pseudoLayer, g) + (size_t)j * width, in, width, rnn.tf32()) + net.bias(pseudoLayer, g, j);
      r[g] = dot(net.matrix(pseudoLayer, G + g) + (size_t)j * H, h, H, rnn.tf32()) +
             net.bias(pseudoLayer, G + g, j);
    }
    if (rnn.cell == LSTM) {
      float input = sigmoid(x[0] + r[0]), forget = sigmoid(x[1] + r[1]);
      float candidate = std::tanh(x[2] + r[2]), output = sigmoid(x[3] + r[3]);
      cell.gate(0)[j] = input;
      cell.gate(1)[j] = forget;
      cell.gate(2)[j] = candidate;
      cell.gate(3)[j] = output;
      cell.memory()[j] = forget * c[j] + input * candidate;
      cell.output()[j] = output * std::tanh(cell.memory()[j]);
    } else if (rnn.cell == GRU) {
      float reset = sigmoid(x[0] + r[0]), update = sigmoid(x[1] + r[1]);
      float candidate = std::tanh(x[2] + reset * r[2]);
      cell.gate(0)[j] = reset;
      cell.gate(1)[j] = update;
      cell.gate(2)[j] = candidate;
      cell.gate(3)[j] = r[2];
      cell.output()[j] = (1 - update) * candidate + update * h[j];
    } else {
      cell.output()[j] = rnn.cell == RNN_TANH ? std::tanh(x[0] + r[0]) : std::max(0.f, x[0] + r[0]);
    }
  }
}

// h and c: the states of all pseudo layers, at first the initial ones, in the end the final ones.
void forward(Network &net, const Floats &x, Floats &h, Floats &c) {
  const RnnDescriptor &rnn = net.rnn;
  size_t H = rnn.hiddenSize;
  for (int layer = 0; layer < rnn.layers; layer++) {
    Floats in = net.input(layer, x);
    for (int direction = 0; direction < rnn.directions(); direction++) {
      int pseudoLayer = layer * rnn.directions() + direction, width = inputSize(rnn, pseudoLayer);
      for (int item = 0; item < net.batch; item++) {
        float *hidden = &h[((size_t)pseudoLayer * net.batch + item) * H];
        float *memory = &c[((size_t)pseudoLayer * net.batch + item) * H];
        for (int step = 0; step < net.lengths[item]; step++) {
          int time = net.time(direction, item, step);
          Cell cell = net.cell(pseudoLayer, time, item);
          forwardCell(net, pseudoLayer, cell, &in[net.at(time, item, width)], hidden, memory);
          std::copy_n(cell.output(), H, hidden);
          if (rnn.cell == LSTM) {
            std::copy_n(cell.memory(), H, memory);
          }
        }
      }
    }
  }
}

}  // namespace

EMU_API int cudnnRNNForward(void *handle, void *d, int training, const void *lengths, void *xd, const void *x,
                            void *yd, void *y, void *hd, const void *hx, void *hy, void *cd, const void *cx, void *cy,
                            size_t weightBytes, const void *weights, size_t workspaceSize, void *workspace,
                            size_t reserveSize, void *reserve) {
  ENTER(handle, d, training, lengths, xd, x, yd, y, hd, hx, hy, cd, cx, cy, weightBytes, weights, workspaceSize,
        workspace, reserveSize, reserve);
  RnnDescriptor rnn = as<RnnDescriptor>(d);
  RnnDataDescriptor X = as<RnnDataDescriptor>(xd), Y = as<RnnDataDescriptor>(yd);
  size_t reserved = reserveCount(rnn, X);
  NEED(fitsData(rnn, X, Y));
  NEED(fitsState(rnn, X, hd));
  NEED(rnn.cell != LSTM || fitsState(rnn, X, cd));
  NEED(weightBytes >= weightCount(rnn) * bytesOf(X.type));
  NEED(workspaceSize >= workspaceBytes);
  NEED(!training || reserveSize >= reserved * sizeof(float));
  return issue(state, __func__, [=] {
    requireLengths(lengths, X.lengths);
    spoil(workspace, workspaceSize, "cudnnRNNForward workspace");
    Network net{rnn, X.maxLength, X.batch, X.lengths,
                readPacked(X.type, weights, weightCount(rnn), "cudnnRNNForward weights"), nullptr};
    Floats own;
    if (training) {
      require(reserve, reserved * sizeof(float), "cudnnRNNForward reserve");
      net.reserve = (float *)reserve;
      if (rnn.dropout.probability > 0 && rnn.dropout.states) {
        net.seed = ++*rnn.dropout.states;
      }
      memcpy(net.reserve, &net.seed, sizeof net.seed);
    } else {
      own.resize(reserved);
      net.reserve = own.data();
      net.rnn.dropout.probability = 0;
    }
    size_t states = (size_t)rnn.pseudoLayers() * X.batch * rnn.hiddenSize;
    Floats in = readSequences(X, x, "cudnnRNNForward x");
    Floats h = readPacked(X.type, hx, states, "cudnnRNNForward hx");
    Floats c = readPacked(X.type, cx, states, "cudnnRNNForward cx");
    forward(net, in, h, c);
    Floats out((size_t)X.maxLength * X.batch * Y.vectorSize);
    for (int t = 0; t < X.maxLength; t++) {
      for (int b = 0; b < X.batch; b++) {
        for (int j = 0; j < Y.vectorSize && t < X.lengths[b]; j++) {
          out[net.at(t, b, Y.vectorSize) + j] = net.output(rnn.layers - 1, t, b, j);
        }
      }
    }
    writeSequences(Y, y, out, "cudnnRNNForward y");
    writePacked(X.type, hy, h, "cudnnRNNForward hy");
    if (rnn.cell == LSTM) {
      writePacked(X.type, cy, c, "cudnnRNNForward cy");
    }
  });
}
