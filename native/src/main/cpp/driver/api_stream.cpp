// Streams, events, capture and graphs as the driver API names them.
#include "driver/stream.h"

#include <set>
#include <utility>

using namespace emulator;

namespace {

// A wait for a capturing stream ends its capture.
int refuseWait(Stream *stream) {
  if (!stream->capture) {
    return SUCCESS;
  }
  stream->capture->invalid = true;
  return STREAM_CAPTURE_UNSUPPORTED;
}

bool isDone(const Event *event) {
  return !event->stream || event->stream->done >= event->position;
}

std::set<Graph *> executables;

}  // namespace

EMU_API int cuStreamCreate(void **stream, unsigned flags) {
  EMU_ENTER();
  *stream = createStream(flags);
  return SUCCESS;
}

EMU_API int cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) {
  return cuStreamCreate(stream, flags);
}

EMU_API int cuStreamDestroy_v2(void *stream) {
  EMU_ENTER();
  if (isLegacy(streamOf(stream))) {
    return INVALID_HANDLE;
  }
  destroyStream(streamOf(stream));
  return SUCCESS;
}

EMU_API int cuStreamSynchronize(void *handle) {
  EMU_ENTER();
  Stream *stream = streamOf(handle);
  if (int status = refuseWait(stream)) {
    return status;
  }
  if (isLegacy(stream)) {
    if (int status = enterLegacyStream()) {
      return status;
    }
  }
  return drain(stream);
}

EMU_API int cuStreamQuery(void *handle) {
  EMU_ENTER();
  Stream *stream = streamOf(handle);
  if (int status = refuseWait(stream)) {
    return status;
  }
  return stream->queue.empty() ? SUCCESS : NOT_READY;
}

EMU_API int cuStreamGetFlags(void *stream, unsigned *flags) {
  EMU_ENTER();
  *flags = streamOf(stream)->flags;
  return SUCCESS;
}

EMU_API int cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
  EMU_ENTER();
  return waitForEvent(streamOf(stream), (Event *)event);
}

EMU_API int cuEventCreate(void **event, unsigned flags) {
  EMU_ENTER();
  *event = new Event;
  return SUCCESS;
}

// The event itself stays: queues and graphs may still record it.
EMU_API int cuEventDestroy_v2(void *event) {
  EMU_ENTER();
  return event ? SUCCESS : INVALID_HANDLE;
}

EMU_API int cuEventRecord(void *event, void *stream) {
  EMU_ENTER();
  return record((Event *)event, streamOf(stream));
}

EMU_API int cuEventSynchronize(void *handle) {
  EMU_ENTER();
  auto *event = (Event *)handle;
  if (int status = refuseCaptured(event)) {
    return status;
  }
  return event->stream ? drain(event->stream, event->position) : SUCCESS;
}

EMU_API int cuEventQuery(void *handle) {
  EMU_ENTER();
  auto *event = (Event *)handle;
  if (int status = refuseCaptured(event)) {
    return status;
  }
  return isDone(event) ? SUCCESS : NOT_READY;
}

EMU_API int cuEventElapsedTime(float *milliseconds, void *begin, void *end) {
  EMU_ENTER();
  auto *first = (Event *)begin, *second = (Event *)end;
  if (!first->stream || !second->stream) {
    return INVALID_HANDLE;
  }
  if (!isDone(first) || !isDone(second)) {
    return NOT_READY;
  }
  *milliseconds = second->milliseconds - first->milliseconds;
  return SUCCESS;
}

EMU_API int cuStreamBeginCapture_v2(void *stream, int mode) {
  EMU_ENTER();
  return beginCapture(streamOf(stream), mode);
}

EMU_API int cuStreamEndCapture(void *stream, void **graph) {
  EMU_ENTER();
  return endCapture(streamOf(stream), (Graph **)graph);
}

EMU_API int cuStreamIsCapturing(void *stream, int *status) {
  EMU_ENTER();
  const Capture *capture = streamOf(stream)->capture;
  *status = !capture ? 0 : capture->invalid ? 2 : 1;
  return SUCCESS;
}

EMU_API int cuThreadExchangeStreamCaptureMode(int *mode) {
  EMU_ENTER();
  std::swap(*mode, threadMode);
  return SUCCESS;
}

EMU_API int cuGraphGetNodes(void *graph, void **nodes, size_t *count) {
  EMU_ENTER();
  *count = ((Graph *)graph)->nodes.size();
  return SUCCESS;
}

EMU_API int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags) {
  EMU_ENTER();
  if (!graph) {
    return INVALID_VALUE;
  }
  auto *made = new Graph(*(Graph *)graph);
  executables.insert(made);
  *executable = made;
  return SUCCESS;
}

EMU_API int cuGraphUpload(void *executable, void *stream) {
  EMU_ENTER();
  return SUCCESS;
}

EMU_API int cuGraphLaunch(void *executable, void *stream) {
  EMU_ENTER();
  auto *graph = (Graph *)executable;
  if (!executables.count(graph)) {
    return INVALID_VALUE;
  }
  return emu_issue(stream, "graph", [graph] {
    for (auto &node : graph->nodes) {
      if (int status = node.work()) {
        return status;
      }
    }
    return (int)SUCCESS;
  });
}

EMU_API int cuGraphDestroy(void *graph) {
  EMU_ENTER();
  delete (Graph *)graph;
  return SUCCESS;
}

EMU_API int cuGraphExecDestroy(void *executable) {
  EMU_ENTER();
  if (!executables.erase((Graph *)executable)) {
    return INVALID_VALUE;
  }
  drainAll();  // a launch may still be queued
  delete (Graph *)executable;
  return SUCCESS;
}
