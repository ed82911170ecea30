#include "driver/stream.h"

#include <time.h>

#include <cstdio>
#include <set>

namespace emulator {

namespace {

Stream legacyStream;
std::set<Stream *> streams;
std::set<Capture *> captures;

double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

// As on a device, the next call reports what work did wrong.
void perform(const Work &work) {
  int status = work();
  if (status && !stickyStatus) {
    stickyStatus = status;
  }
}

}  // namespace

thread_local int threadMode = GLOBAL;

Stream *streamOf(void *handle) {
  return handle > (void *)2 ? (Stream *)handle : &legacyStream;
}

bool isLegacy(const Stream *stream) {
  return stream == &legacyStream;
}

Stream *createStream(unsigned flags) {
  auto *stream = new Stream;
  stream->flags = flags;
  streams.insert(stream);
  return stream;
}

void destroyStream(Stream *stream) {
  drain(stream);
  streams.erase(stream);
  delete stream;
}

void resetStreams() {
  for (Stream *stream : streams) {
    stream->queue.clear();
    stream->done = stream->issued;
    stream->capture = nullptr;
  }
  captures.clear();
}

int drain(Stream *stream, uint64_t upTo) {
  while (stream->done < upTo && !stream->queue.empty()) {
    Work work = std::move(stream->queue.front());
    stream->queue.pop_front();
    stream->done++;
    perform(work);
  }
  return stickyStatus;
}

int drainAll(bool blockingOnly) {
  drain(&legacyStream);
  for (Stream *stream : streams) {
    if (!blockingOnly || stream->isBlocking()) {
      drain(stream);
    }
  }
  return stickyStatus;
}

int refuseInCapture() {
  int status = SUCCESS;
  for (Capture *capture : captures) {
    bool mine = pthread_equal(capture->thread, pthread_self());
    bool concerned = mine ? capture->mode != RELAXED : capture->mode == GLOBAL && threadMode == GLOBAL;
    if (concerned && threadMode != RELAXED) {
      capture->invalid = true;
      status = STREAM_CAPTURE_UNSUPPORTED;
    }
  }
  return status;
}

int refuseDeviceWait() {
  for (Capture *capture : captures) {
    capture->invalid = true;
  }
  return captures.empty() ? SUCCESS : STREAM_CAPTURE_UNSUPPORTED;
}

int refuseCaptured(Event *event) {
  if (!event->capture) {
    return SUCCESS;
  }
  if (captures.count(event->capture)) {
    event->capture->invalid = true;
  }
  return CAPTURED_EVENT;
}

// CUDA lets asynchronous work on the legacy stream pass beside the capture of a non-blocking stream, and does it at once.
// Who captures a list of calls meant it to be captured, so the emulator refuses that too.
int enterLegacyStream() {
  for (Capture *capture : captures) {
    if (capture->origin->isBlocking()) {
      capture->invalid = true;
      return STREAM_CAPTURE_IMPLICIT;
    }
  }
  if (int status = refuseInCapture()) {
    return status;
  }
  drainAll(true);
  return SUCCESS;
}

int beginCapture(Stream *stream, int mode) {
  if (isLegacy(stream)) {
    return STREAM_CAPTURE_UNSUPPORTED;
  }
  if (stream->capture) {
    return ILLEGAL_STATE;
  }
  auto *capture = new Capture;
  capture->origin = stream;
  capture->mode = mode;
  capture->thread = pthread_self();
  captures.insert(capture);
  stream->capture = capture;
  stream->captured = 0;
  return SUCCESS;
}

int endCapture(Stream *stream, Graph **graph) {
  Capture *capture = stream->capture;
  *graph = nullptr;
  if (!capture) {
    return ILLEGAL_STATE;
  }
  if (capture->origin != stream) {
    return STREAM_CAPTURE_UNMATCHED;
  }
  if (capture->mode != RELAXED && !pthread_equal(capture->thread, pthread_self())) {
    capture->invalid = true;
    return STREAM_CAPTURE_WRONG_THREAD;
  }
  int status = capture->invalid ? STREAM_CAPTURE_INVALIDATED : SUCCESS;
  for (auto &[side, joined] : capture->sideStreams) {
    if (!status && joined != side->captured) {
      status = STREAM_CAPTURE_UNJOINED;
    }
    side->capture = nullptr;
  }
  stream->capture = nullptr;
  captures.erase(capture);
  if (!status) {
    *graph = capture->graph;
  }
  return status;
}

int record(Event *event, Stream *stream) {
  event->stream = stream;
  event->capture = stream->capture;
  event->captured = stream->captured;
  Work work = [event] {
    event->milliseconds = now();
    return 0;
  };
  if (stream->capture) {
    stream->capture->graph->nodes.push_back({"event", work});
    return SUCCESS;
  }
  event->position = ++stream->issued;
  if (settings.lazy) {
    stream->queue.push_back(work);
    return SUCCESS;
  }
  stream->done++;
  return work();
}

int waitForEvent(Stream *stream, Event *event) {
  Capture *capture = event->capture;
  if (!capture) {
    if (stream->capture) {
      stream->capture->invalid = true;
      return STREAM_CAPTURE_ISOLATION;
    }
    if (settings.lazy && event->stream) {
      stream->issued++;
      // The position is that of now: a later record of the event does not move this wait.
      stream->queue.push_back([from = event->stream, upTo = event->position] { return drain(from, upTo); });
    }
    return SUCCESS;
  }
  if (!captures.count(capture)) {
    return INVALID_VALUE;
  }
  if (!stream->capture) {
    stream->capture = capture;
    stream->captured = 0;
    capture->sideStreams[stream] = notJoined;
  } else if (stream->capture != capture) {
    capture->invalid = stream->capture->invalid = true;
    return STREAM_CAPTURE_MERGE;
  }
  if (stream == capture->origin && capture->sideStreams.count(event->stream)) {
    capture->sideStreams[event->stream] = event->captured;
  }
  return SUCCESS;
}

}  // namespace emulator

using namespace emulator;

int emu_issue(void *handle, const char *name, Work uncounted) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  Stream *stream = streamOf(handle);
  Work work = [name = std::string(name), uncounted = std::move(uncounted)] {
    countWork(name);
    return uncounted();
  };
  if (isLegacy(stream)) {
    if (int status = enterLegacyStream()) {
      return status;
    }
  }
  if (settings.log) {
    fprintf(stderr, "emulator: %s %s\n", stream->capture ? "capture" : "issue", name);
  }
  if (stream->capture) {
    if (stream->capture->invalid) {
      return STREAM_CAPTURE_INVALIDATED;
    }
    stream->capture->graph->nodes.push_back({name, std::move(work)});
    stream->captured++;
    return SUCCESS;
  }
  stream->issued++;
  if (settings.lazy) {
    stream->queue.push_back(std::move(work));
    return SUCCESS;
  }
  stream->done++;
  perform(work);
  return SUCCESS;
}

EMU_API bool emu_capturing(void *handle) {
  return streamOf(handle)->capture != nullptr;
}
