#include "cudnn/recurrent.h"

namespace emulator {

namespace {

int biasesPerGate(const RnnDescriptor &rnn) {
  return rnn.biasMode == DOUBLE_BIAS ? 2 : rnn.biasMode == NO_BIAS ? 0 : 1;
}

// bf16 came to recurrent networks with cuDNN 9.13.
bool isRnnType(int dataType) {
  Type type = typeOf(dataType);
  return type != BF16 && type != OTHER;
}

}  // namespace

size_t RnnDataDescriptor::offset(int time, int item) const {
  if (layout == SEQUENCE_MAJOR_UNPACKED) {
    return ((size_t)time * batch + item) * vectorSize;
  }
  if (layout == BATCH_MAJOR_UNPACKED) {
    return ((size_t)item * maxLength + time) * vectorSize;
  }
  size_t before = 0;
  for (int t = 0; t < time; t++) {
    for (int length : lengths) {
      before += length > t;
    }
  }
  return (before + item) * vectorSize;
}

size_t RnnDataDescriptor::count() const {
  if (layout != SEQUENCE_MAJOR_PACKED) {
    return (size_t)maxLength * batch * vectorSize;
  }
  size_t vectors = 0;
  for (int length : lengths) {
    vectors += length;
  }
  return vectors * vectorSize;
}

int inputSize(const RnnDescriptor &rnn, int pseudoLayer) {
  return pseudoLayer < rnn.directions() ? rnn.inputSize : rnn.hiddenSize * rnn.directions();
}

size_t matrixOffset(const RnnDescriptor &rnn, int pseudoLayer, int id) {
  size_t H = rnn.hiddenSize, G = rnn.gates(), offset = 0;
  for (int p = 0; p < pseudoLayer; p++) {
    offset += G * H * (inputSize(rnn, p) + H);
  }
  size_t in = inputSize(rnn, pseudoLayer);
  return offset + ((size_t)id < G ? id * H * in : G * H * in + (id - G) * H * H);
}

bool hasBias(const RnnDescriptor &rnn, int id) {
  bool ofInput = id < rnn.gates();
  return rnn.biasMode == DOUBLE_BIAS || (rnn.biasMode == SINGLE_INPUT_BIAS && ofInput) ||
         (rnn.biasMode == SINGLE_RECURRENT_BIAS && !ofInput);
}

size_t biasOffset(const RnnDescriptor &rnn, int pseudoLayer, int id) {
  size_t perLayer = (size_t)rnn.hiddenSize * rnn.gates() * biasesPerGate(rnn);
  int index = rnn.biasMode == SINGLE_RECURRENT_BIAS ? id - rnn.gates() : id;
  return matrixOffset(rnn, rnn.pseudoLayers(), 0) + pseudoLayer * perLayer + (size_t)rnn.hiddenSize * index;
}

size_t weightCount(const RnnDescriptor &rnn) {
  return matrixOffset(rnn, rnn.pseudoLayers(), 0) +
         (size_t)rnn.pseudoLayers() * rnn.hiddenSize * rnn.gates() * biasesPerGate(rnn);
}

size_t reserveCount(const RnnDescriptor &rnn, const RnnDataDescriptor &data) {
  return 8 + (size_t)rnn.pseudoLayers() * data.maxLength * data.batch * 10 * rnn.hiddenSize;
}

bool fitsData(const RnnDescriptor &rnn, const RnnDataDescriptor &x, const RnnDataDescriptor &y) {
  return x.vectorSize == rnn.inputSize && y.vectorSize == rnn.hiddenSize * rnn.directions() && x.batch == y.batch &&
         x.maxLength == y.maxLength && x.lengths == y.lengths && x.type == y.type && x.type == typeOf(rnn.dataType);
}

bool fitsState(const RnnDescriptor &rnn, const RnnDataDescriptor &x, void *state) {
  if (!state) {
    return true;
  }
  auto &d = as<TensorDescriptor>(state);
  return d.rank == 3 && d.dims[0] == rnn.pseudoLayers() && d.dims[1] == x.batch && d.dims[2] == rnn.hiddenSize;
}

Cell Network::cell(int pseudoLayer, int time, int item) const {
  size_t index = ((size_t)pseudoLayer * maxLength + time) * batch + item;
  return {reserve + 8 + index * 10 * rnn.hiddenSize, rnn.hiddenSize};
}

Cell Network::previous(int pseudoLayer, int item, int step) const {
  return cell(pseudoLayer, time(pseudoLayer % rnn.directions(), item, step - 1), item);
}

float Network::bias(int pseudoLayer, int id, int unit) const {
  return hasBias(rnn, id) ? weights[biasOffset(rnn, pseudoLayer, id) + unit] : 0;
}

float Network::dropout(int layer, int time, int item, int unit) const {
  float p = rnn.dropout.probability;
  if (p == 0) {
    return 1;
  }
  uint64_t element = at(time, item, rnn.hiddenSize * rnn.directions()) + unit;
  return isKept(seed + layer * 7919ull, element, p) ? 1 / (1 - p) : 0;
}

float Network::output(int layer, int time, int item, int unit) const {
  int H = rnn.hiddenSize;
  return cell(layer * rnn.directions() + unit / H, time, item).output()[unit % H];
}

Floats Network::input(int layer, const Floats &x) const {
  if (!layer) {
    return x;
  }
  int width = rnn.hiddenSize * rnn.directions();
  Floats in((size_t)maxLength * batch * width);
  for (int t = 0; t < maxLength; t++) {
    for (int b = 0; b < batch; b++) {
      for (int j = 0; j < width && t < lengths[b]; j++) {
        in[at(t, b, width) + j] = output(layer - 1, t, b, j) * dropout(layer, t, b, j);
      }
    }
  }
  return in;
}

Floats readSequences(const RnnDataDescriptor &d, const void *address, const char *what) {
  Floats stored = readPacked(d.type, address, d.count(), what);
  Floats values((size_t)d.maxLength * d.batch * d.vectorSize);
  for (int t = 0; t < d.maxLength; t++) {
    for (int b = 0; b < d.batch; b++) {
      if (t < d.lengths[b]) {
        std::copy_n(&stored[d.offset(t, b)], d.vectorSize, &values[((size_t)t * d.batch + b) * d.vectorSize]);
      }
    }
  }
  return values;
}

void writeSequences(const RnnDataDescriptor &d, void *address, const Floats &values, const char *what) {
  if (!address) {
    return;
  }
  require(address, d.count() * bytesOf(d.type), what);
  for (int t = 0; t < d.maxLength; t++) {
    for (int b = 0; b < d.batch; b++) {
      bool ended = t >= d.lengths[b];
      if (ended && (d.layout == SEQUENCE_MAJOR_PACKED || !d.fills)) {
        continue;
      }
      for (int j = 0; j < d.vectorSize; j++) {
        float value = ended ? d.fillValue : values[((size_t)t * d.batch + b) * d.vectorSize + j];
        store(d.type, address, d.offset(t, b) + j, value);
      }
    }
  }
}

void requireLengths(const void *onDevice, const std::vector<int> &lengths) {
  if (!onDevice) {
    return;
  }
  size_t bytes = lengths.size() * sizeof(int);
  require(onDevice, bytes, "devSeqLengths");
  if (memcmp(onDevice, lengths.data(), bytes)) {
    require(nullptr, 1, "devSeqLengths differ from the descriptor's");
  }
}

}  // namespace emulator

using namespace emulator;

EMU_API int cudnnSetRNNDescriptor_v8(void *d, int algorithm, int cell, int biasMode, int direction, int inputMode,
                                     int dataType, int mathPrecision, int mathType, int inputSize, int hiddenSize,
                                     int projectionSize, int layers, void *dropout, unsigned flags) {
  TRACE(d, algorithm, cell, biasMode, direction, inputMode, dataType, mathPrecision, mathType, inputSize, hiddenSize,
        projectionSize, layers, dropout, flags);
  NEED(projectionSize > 0 && projectionSize <= hiddenSize);
  constexpr int FLOAT = 0, HALF = 2;
  bool precise = mathPrecision == dataType || (dataType == HALF && mathPrecision == FLOAT);
  // No skipped input and no projection here; the real library has both.
  if (inputMode || projectionSize != hiddenSize || typeOf(dataType) == BF16 || !precise) {
    return NOT_SUPPORTED;
  }
  NEED(isRnnType(dataType));
  NEED(cell >= RNN_RELU && cell <= GRU && biasMode >= NO_BIAS && biasMode <= SINGLE_RECURRENT_BIAS);
  NEED(inputSize > 0 && hiddenSize > 0 && layers > 0 && mathType >= DEFAULT_MATH && mathType <= FMA_MATH);
  as<RnnDescriptor>(d) = {cell,       biasMode, direction != 0,
                          dataType,   mathType, inputSize,
                          hiddenSize, layers,   dropout ? as<DropoutDescriptor>(dropout) : DropoutDescriptor()};
  return 0;
}

EMU_API int cudnnGetRNNWeightSpaceSize(void *handle, void *d, size_t *bytes) {
  ENTER(handle, d);
  auto &rnn = as<RnnDescriptor>(d);
  *bytes = weightCount(rnn) * bytesOf(typeOf(rnn.dataType));
  return 0;
}

EMU_API int cudnnGetRNNWeightParams(void *handle, void *d, int pseudoLayer, size_t weightBytes, void *weights, int id,
                                    void *matrixDescriptor, void **matrix, void *biasDescriptor, void **bias) {
  ENTER(handle, d, pseudoLayer, weightBytes, weights, id, matrixDescriptor, biasDescriptor);
  const RnnDescriptor &rnn = as<RnnDescriptor>(d);
  size_t element = bytesOf(typeOf(rnn.dataType));
  NEED(pseudoLayer >= 0 && pseudoLayer < rnn.pseudoLayers() && id >= 0 && id < 2 * rnn.gates());
  NEED(weightBytes >= weightCount(rnn) * element);
  int matrixDims[] = {1, rnn.hiddenSize, id < rnn.gates() ? inputSize(rnn, pseudoLayer) : rnn.hiddenSize};
  int biasDims[] = {1, rnn.hiddenSize, 1};
  *matrix = (char *)weights + matrixOffset(rnn, pseudoLayer, id) * element;
  as<TensorDescriptor>(matrixDescriptor).set(rnn.dataType, 0, 3, matrixDims, nullptr);
  if (hasBias(rnn, id)) {
    *bias = (char *)weights + biasOffset(rnn, pseudoLayer, id) * element;
    as<TensorDescriptor>(biasDescriptor).set(rnn.dataType, 0, 3, biasDims, nullptr);
  } else {
    *bias = nullptr;
    as<TensorDescriptor>(biasDescriptor).rank = 0;
  }
  return 0;
}

EMU_API int cudnnSetRNNDataDescriptor(void *d, int dataType, int layout, int maxLength, int batch, int vectorSize,
                                      const int *lengths, void *fill) {
  TRACE(d, dataType, layout, maxLength, batch, vectorSize, fill);
  if (typeOf(dataType) == BF16) {
    return NOT_SUPPORTED;
  }
  NEED(isRnnType(dataType) && layout >= SEQUENCE_MAJOR_UNPACKED && layout <= BATCH_MAJOR_UNPACKED && lengths);
  NEED(maxLength > 0 && batch > 0 && vectorSize > 0);
  RnnDataDescriptor data{typeOf(dataType), layout, maxLength, batch, vectorSize,
                         std::vector<int>(lengths, lengths + batch)};
  for (int i = 0; i < batch; i++) {
    NEED(lengths[i] >= 0 && lengths[i] <= maxLength);
    NEED(layout != SEQUENCE_MAJOR_PACKED || !i || lengths[i] <= lengths[i - 1]);
  }
  if (fill) {
    data.fills = true;
    data.fillValue = load(data.type, fill, 0);
  }
  as<RnnDataDescriptor>(d) = data;
  return 0;
}

EMU_API int cudnnGetRNNTempSpaceSizes(void *handle, void *d, int training, void *xd, size_t *workspace,
                                      size_t *reserve) {
  ENTER(handle, d, training, xd);
  *workspace = workspaceBytes;
  *reserve = training ? reserveCount(as<RnnDescriptor>(d), as<RnnDataDescriptor>(xd)) * sizeof(float) : 0;
  return 0;
}
