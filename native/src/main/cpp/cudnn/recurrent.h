// The recurrent network that the calls share: where its weights lie and what its reserve space keeps.
#pragma once

#include "cudnn/operation.h"

namespace emulator {

// The weight space is the emulator's own, so that only cudnnGetRNNWeightParams can address it: for each pseudo layer
// the input matrices of all gates, then the recurrent ones (rows: hidden units); after all of them the biases.
// Gates: LSTM input, forget, candidate, output; GRU reset, update, candidate. id counts the input matrices from 0,
// then the recurrent ones.
int inputSize(const RnnDescriptor &rnn, int pseudoLayer);
size_t matrixOffset(const RnnDescriptor &rnn, int pseudoLayer, int id);
bool hasBias(const RnnDescriptor &rnn, int id);
size_t biasOffset(const RnnDescriptor &rnn, int pseudoLayer, int id);
size_t weightCount(const RnnDescriptor &rnn);

// Floats of the reserve space: the dropout seed, then ten times hiddenSize for each cell.
size_t reserveCount(const RnnDescriptor &rnn, const RnnDataDescriptor &data);

bool fitsData(const RnnDescriptor &rnn, const RnnDataDescriptor &x, const RnnDataDescriptor &y);
bool fitsState(const RnnDescriptor &rnn, const RnnDataDescriptor &x, void *state);

// What a cell keeps for the gradients, hiddenSize floats each.
struct Cell {
  float *base;
  int hiddenSize;

  float *gate(int g) const { return base + g * hiddenSize; }  // LSTM and GRU; gate 3 of a GRU: the recurrent candidate
  float *memory() const { return base + 4 * hiddenSize; }
  float *output() const { return base + 5 * hiddenSize; }
  float *gateGradient(int g) const { return base + (6 + g) * hiddenSize; }
};

// One call.
struct Network {
  RnnDescriptor rnn;
  int maxLength, batch;
  std::vector<int> lengths;
  Floats weights;  // or their gradients
  float *reserve;
  uint64_t seed = 0;

  Cell cell(int pseudoLayer, int time, int item) const;
  // The cell that a cell's state came from; at step 0 there is none.
  Cell previous(int pseudoLayer, int item, int step) const;
  float *matrix(int pseudoLayer, int id) { return &weights[matrixOffset(rnn, pseudoLayer, id)]; }
  float bias(int pseudoLayer, int id, int unit) const;
  // Between layers: 0 or 1 / (1 - p).
  float dropout(int layer, int time, int item, int unit) const;
  // The time of a step; the reverse direction begins at the item's last.
  int time(int direction, int item, int step) const { return direction ? lengths[item] - 1 - step : step; }
  size_t at(int time, int item, int width) const { return ((size_t)time * batch + item) * width; }
  // What a layer reads, [time, batch, width].
  Floats input(int layer, const Floats &x) const;
  // What a layer gives, before dropout.
  float output(int layer, int time, int item, int unit) const;
};

// Of a GRU the candidate's recurrent product has a gradient of its own, for the reset gate lies outside of it.
inline int recurrentGradient(const RnnDescriptor &rnn, int gate) {
  return rnn.cell == GRU && gate == 2 ? 3 : gate;
}

// Sequences as [time, batch, width], zero where an item has ended.
Floats readSequences(const RnnDataDescriptor &d, const void *address, const char *what);
void writeSequences(const RnnDataDescriptor &d, void *address, const Floats &values, const char *what);

// The lengths on the device must be those of the descriptor.
void requireLengths(const void *onDevice, const std::vector<int> &lengths);

}  // namespace emulator
