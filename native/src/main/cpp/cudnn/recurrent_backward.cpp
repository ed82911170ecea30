// cudnnRNNBackwardData_v8 and cudnnRNNBackwardWeights_v8. The first leaves the gradients of the gates in the reserve
// space, where the second finds them, as the real library demands that order.
#include <cmath>

#include "cudnn/recurrent.h"

using namespace emulator;

namespace {

// tf32: operands are rounded.
void addScaled(float *to, const float *from, float factor, int n, bool tf32) {
  if (tf32) {
    for (int i = 0; i < n; i++) {
      to[i] += toTf32(factor) * toTf32(from[i]);
    }
    return;
  }
  for (int i = 0; i < n; i++) {
    to[i] += factor * from[i];
  }
}

// Gradients of one unit's gates. dOutput: of the cell's output; dMemory: of its memory, becomes that of the step before;
// returns what reaches the output of the step before other than through the gates.
float backwardUnit(const RnnDescriptor &rnn, const Cell &cell, int j, const float *h, const float *c, float dOutput,
                   float *dMemory) {
  if (rnn.cell == LSTM) {
    float input = cell.gate(0)[j], forget = cell.gate(1)[j], candidate = cell.gate(2)[j], output = cell.gate(3)[j];
    float squashed = std::tanh(cell.memory()[j]);
    float d = *dMemory + dOutput * output * (1 - squashed * squashed);
    cell.gateGradient(0)[j] = d * candidate * input * (1 - input);
    cell.gateGradient(1)[j] = d * c[j] * forget * (1 - forget);
    cell.gateGradient(2)[j] = d * input * (1 - candidate * candidate);
    cell.gateGradient(3)[j] = dOutput * squashed * output * (1 - output);
    *dMemory = d * forget;
    return 0;
  }
  if (rnn.cell == GRU) {
    float reset = cell.gate(0)[j], update = cell.gate(1)[j], candidate = cell.gate(2)[j];
    float d = dOutput * (1 - update) * (1 - candidate * candidate);
    cell.gateGradient(0)[j] = d * cell.gate(3)[j] * reset * (1 - reset);
    cell.gateGradient(1)[j] = dOutput * (h[j] - candidate) * update * (1 - update);
    cell.gateGradient(2)[j] = d;
    cell.gateGradient(3)[j] = d * reset;
    return dOutput * update;
  }
  float out = cell.output()[j];
  cell.gateGradient(0)[j] = dOutput * (rnn.cell == RNN_TANH ? 1 - out * out : out > 0);
  return 0;
}

struct States {
  Floats h, c;
};

// One direction of a layer. dOutput: of its outputs; d: gradients of the final states, become those of the initial ones;
// dInput: added to.
void backwardDirection(Network &net, int pseudoLayer, const States &initial, const Floats &dOutput, States &d,
                       Floats &dInput) {
  const RnnDescriptor &rnn = net.rnn;
  int H = rnn.hiddenSize, G = rnn.gates(), width = inputSize(rnn, pseudoLayer), outWidth = H * rnn.directions();
  int direction = pseudoLayer % rnn.directions();
  Floats before(H);
  for (int item = 0; item < net.batch; item++) {
    size_t at = ((size_t)pseudoLayer * net.batch + item) * H;
    float *dHidden = &d.h[at], *dMemory = &d.c[at];
    for (int step = net.lengths[item]; step-- > 0;) {
      int time = net.time(direction, item, step);
      Cell cell = net.cell(pseudoLayer, time, item);
      const float *h = step ? net.previous(pseudoLayer, item, step).output() : &initial.h[at];
      const float *c = step ? net.previous(pseudoLayer, item, step).memory() : &initial.c[at];
      float *in = &dInput[net.at(time, item, width)];
      std::fill(before.begin(), before.end(), 0.f);
      for (int j = 0; j < H; j++) {
        float gradient = dHidden[j] + dOutput[net.at(time, item, outWidth) + direction * H + j];
        before[j] += backwardUnit(rnn, cell, j, h, c, gradient, &dMemory[j]);
        for (int g = 0; g < G; g++) {
          addScaled(in, net.matrix(pseudoLayer, g) + (size_t)j * width, cell.gateGradient(g)[j], width,
                    rnn.tf32());
          addScaled(before.data(), net.matrix(pseudoLayer, G + g) + (size_t)j * H,
                    cell.gateGradient(recurrentGradient(rnn, g))[j], H, rnn.tf32());
        }
      }
      std::copy(before.begin(), before.end(), dHidden);
    }
  }
}

// Adds to the gradients of one direction's weights, which net.weights holds.
void addWeightGradients(Network &net, int pseudoLayer, const Floats &in, const Floats &initial) {
  const RnnDescriptor &rnn = net.rnn;
  int H = rnn.hiddenSize, G = rnn.gates(), width = inputSize(rnn, pseudoLayer);
  int direction = pseudoLayer % rnn.directions();
  for (int item = 0; item < net.batch; item++) {
    for (int step = 0; step < net.lengths[item]; step++) {
      int time = net.time(direction, item, step);
      Cell cell = net.cell(pseudoLayer, time, item);
      const float *x = &in[net.at(time, item, width)];
      const float *h = step ? net.previous(pseudoLayer, item, step).output()
                            : &initial[((size_t)pseudoLayer * net.batch + item) * H];
      for (int g = 0; g < G; g++) {
        for (int j = 0; j < H; j++) {
          float dInput = cell.gateGradient(g)[j], dRecurrent = cell.gateGradient(recurrentGradient(rnn, g))[j];
          addScaled(net.matrix(pseudoLayer, g) + (size_t)j * width, x, dInput, width, rnn.tf32());
          addScaled(net.matrix(pseudoLayer, G + g) + (size_t)j * H, h, dRecurrent, H, rnn.tf32());
          if (hasBias(rnn, g)) {
            net.weights[biasOffset(rnn, pseudoLayer, g) + j] += dInput;
          }
          if (hasBias(rnn, G + g)) {
            net.weights[biasOffset(rnn, pseudoLayer, G + g) + j] += dRecurrent;
          }
        }
      }
    }
  }
}

}  // namespace

EMU_API int cudnnRNNBackwardData_v8(void *handle, void *d, const void *lengths, void *yd, const void *y,
                                    const void *dy, void *xd, void *dx, void *hd, const void *hx, const void *dhy,
                                    void *dhx, void *cd, const void *cx, const void *dcy, void *dcx,
                                    size_t weightBytes, const void *weights, size_t workspaceSize, void *workspace,
                                    size_t reserveSize, void *reserve) {
  ENTER(handle, d, lengths, yd, y, dy, xd, dx, hd, hx, dhy, dhx, cd, cx, dcy, dcx, weightBytes, weights, workspaceSize,
        workspace, reserveSize, reserve);
  RnnDescriptor rnn = as<RnnDescriptor>(d);
  RnnDataDescriptor X = as<RnnDataDescriptor>(xd), Y = as<RnnDataDescriptor>(yd);
  size_t reservedBytes = reserveCount(rnn, X) * sizeof(float);
  NEED(fitsData(rnn, X, Y));
  NEED(fitsState(rnn, X, hd));
  NEED(weightBytes >= weightCount(rnn) * bytesOf(X.type));
  NEED(workspaceSize >= workspaceBytes);
  NEED(reserveSize >= reservedBytes);
  return issue(state, __func__, [=] {
    requireLengths(lengths, X.lengths);
    spoil(workspace, workspaceSize, "cudnnRNNBackwardData workspace");
    require(reserve, reservedBytes, "cudnnRNNBackwardData reserve");
    Network net{rnn, X.maxLength, X.batch, X.lengths,
                readPacked(X.type, weights, weightCount(rnn), "cudnnRNNBackwardData weights"), (float *)reserve};
    memcpy(&net.seed, net.reserve, sizeof net.seed);
    size_t count = (size_t)rnn.pseudoLayers() * X.batch * rnn.hiddenSize;
    readSequences(Y, y, "cudnnRNNBackwardData y");  // the real library reads it
    Floats gradient = readSequences(Y, dy, "cudnnRNNBackwardData dy");
    States initial{readPacked(X.type, hx, count, "cudnnRNNBackwardData hx"),
                   readPacked(X.type, cx, count, "cudnnRNNBackwardData cx")};
    States gradients{readPacked(X.type, dhy, count, "cudnnRNNBackwardData dhy"),
                     readPacked(X.type, dcy, count, "cudnnRNNBackwardData dcy")};
    for (int layer = rnn.layers; layer-- > 0;) {
      int width = inputSize(rnn, layer * rnn.directions());
      Floats dInput((size_t)X.maxLength * X.batch * width);
      for (int direction = 0; direction < rnn.directions(); direction++) {
        backwardDirection(net, layer * rnn.directions() + direction, initial, gradient, gradients, dInput);
      }
      for (int t = 0; layer && t < X.maxLength; t++) {
        for (int b = 0; b < X.batch; b++) {
          for (int j = 0; j < width; j++) {
            dInput[net.at(t, b, width) + j] *= net.dropout(layer, t, b, j);
          }
        }
      }
      gradient = std::move(dInput);
    }
    writeSequences(X, dx, gradient, "cudnnRNNBackwardData dx");
    writePacked(X.type, dhx, gradients.h, "cudnnRNNBackwardData dhx");
    if (rnn.cell == LSTM) {
      writePacked(X.type, dcx, gradients.c, "cudnnRNNBackwardData dcx");
    }
  });
}

EMU_API int cudnnRNNBackwardWeights_v8(void *handle, void *d, int mode, const void *lengths, void *xd, const void *x,
                                       void *hd, const void *hx, void *yd, const void *y, size_t weightBytes,
                                       void *dw, size_t workspaceSize, void *workspace, size_t reserveSize,
                                       void *reserve) {
  ENTER(handle, d, mode, lengths, xd, x, hd, hx, yd, y, weightBytes, dw, workspaceSize, workspace, reserveSize,
        reserve);
  constexpr int ADD = 0;
  if (mode != ADD) {
    return NOT_SUPPORTED;
  }
  RnnDescriptor rnn = as<RnnDescriptor>(d);
  RnnDataDescriptor X = as<RnnDataDescriptor>(xd), Y = as<RnnDataDescriptor>(yd);
  size_t reservedBytes = reserveCount(rnn, X) * sizeof(float);
  NEED(fitsData(rnn, X, Y));
  NEED(fitsState(rnn, X, hd));
  NEED(weightBytes >= weightCount(rnn) * bytesOf(X.type));
  NEED(workspaceSize >= workspaceBytes);
  NEED(reserveSize >= reservedBytes);
  return issue(state, __func__, [=] {
    requireLengths(lengths, X.lengths);
    spoil(workspace, workspaceSize, "cudnnRNNBackwardWeights workspace");
    require(reserve, reservedBytes, "cudnnRNNBackwardWeights reserve");
    Network net{rnn, X.maxLength, X.batch, X.lengths,
                readPacked(X.type, dw, weightCount(rnn), "cudnnRNNBackwardWeights dw"), (float *)reserve};
    memcpy(&net.seed, net.reserve, sizeof net.seed);
    readSequences(Y, y, "cudnnRNNBackwardWeights y");
    Floats in = readSequences(X, x, "cudnnRNNBackwardWeights x");
    size_t count = (size_t)rnn.pseudoLayers() * X.batch * rnn.hiddenSize;
    Floats initial = readPacked(X.type, hx, count, "cudnnRNNBackwardWeights hx");
    for (int layer = 0; layer < rnn.layers; layer++) {
      Floats layerInput = net.input(layer, in);
      for (int direction = 0; direction < rnn.directions(); direction++) {
        addWeightGradients(net, layer * rnn.directions() + direction, layerInput, initial);
      }
    }
    writePacked(X.type, dw, net.weights, "cudnnRNNBackwardWeights dw");
  });
}
