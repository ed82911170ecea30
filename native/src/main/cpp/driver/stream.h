// Streams, events, capture and graphs: a stream is a queue of functions, a graph a list of them.
#pragma once

#include "driver/state.h"

#include <pthread.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace emulator {

using Work = std::function<int()>;

struct Node {
  std::string name;
  Work work;
};

struct Graph {
  std::vector<Node> nodes;
};

struct Stream;

enum CaptureMode { GLOBAL, THREAD_LOCAL, RELAXED };

// How careful a thread is with the captures of others and its own, see cuThreadExchangeStreamCaptureMode.
extern thread_local int threadMode;

struct Capture {
  Graph *graph = new Graph;
  Stream *origin;
  int mode;
  pthread_t thread;
  bool invalid = false;
  std::map<Stream *, size_t> sideStreams;  // those drawn in by events; up to which of their nodes they are joined
};

constexpr size_t notJoined = ~(size_t)0;

struct Stream {
  std::deque<Work> queue;
  uint64_t issued = 0, done = 0;
  Capture *capture = nullptr;
  size_t captured = 0;  // nodes of this stream in the capture
  unsigned flags = 0;

  bool isBlocking() const {
    return !(flags & 1);
  }
};

struct Event {
  double milliseconds = 0;
  Stream *stream = nullptr;
  uint64_t position = 0;  // in the stream's issued work
  Capture *capture = nullptr;
  size_t captured = 0;
};

// The stream of a handle; null and the two special handles mean the legacy stream.
Stream *streamOf(void *handle);
bool isLegacy(const Stream *stream);

Stream *createStream(unsigned flags);
void destroyStream(Stream *stream);

// Drops queued work and captures, as a reset of the context does.
void resetStreams();

// Runs queued work, of one stream up to a position or of all streams; returns the sticky status.
int drain(Stream *stream, uint64_t upTo = ~0ull);
int drainAll(bool blockingOnly = false);

// For calls that are unsafe beside a capture, such as allocations: invalidates the captures concerned and returns the
// status, or 0.
int refuseInCapture();

// For calls that wait for the whole device, which no capture allows, of whatever mode and thread.
int refuseDeviceWait();

// For a call that asks for an event which was recorded in a capture: spoils that if it is still under way.
int refuseCaptured(Event *event);

// For uses of the legacy stream, which waits for all blocking streams.
int enterLegacyStream();

int beginCapture(Stream *stream, int mode);
int endCapture(Stream *stream, Graph **graph);
int waitForEvent(Stream *stream, Event *event);
int record(Event *event, Stream *stream);

}  // namespace emulator
