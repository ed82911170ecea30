// Test-only libcuda.so.1: device memory is host memory, a module image is an x86-64 ELF that the fake NVRTC made.
// EMU_LAZY=1          stream work runs at the next synchronising call, not when it is issued: forgotten waits show
// EMU_ORDER=reverse   blocks run last to first
// EMU_RACE=0          no check for unsynchronised access to shared memory
// EMU_MEM=<bytes>     device memory; cuMemAlloc beyond it gives CUDA_ERROR_OUT_OF_MEMORY
// EMU_FAIL=<f>:<n>=<code>,...   the n-th call of function f returns code
// EMU_LOG=1           every call and launch on stderr
#include "emulator.h"
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>
using Ptr = unsigned long long;
struct dim3 { unsigned x, y, z; };
struct EmuThread { dim3 tid, bid, bdim, gdim; int linear; };
struct EmuKernel { void (*call)(void **); int n, maxThreads; const size_t *sizes; };
static const char *env(const char *n, const char *d) { const char *v = getenv(n); return v ? v : d; }
static const bool LAZY = atoi(env("EMU_LAZY", "0")), LOG = atoi(env("EMU_LOG", "0")), RACE = atoi(env("EMU_RACE", "1")), REVERSE = !strcmp(env("EMU_ORDER", ""), "reverse");
static const size_t MEM = strtoull(env("EMU_MEM", "8589934592"), 0, 10);
static std::recursive_mutex lock;
static int sticky;                                        // CUDA_ERROR_ILLEGAL_ADDRESS and the like stay until the context is reset
static std::string lastFault;
static int fault(int code, const char *fmt, ...) {
  char s[600]; va_list a; va_start(a, fmt); vsnprintf(s, sizeof s, fmt, a); va_end(a);
  if (!sticky) { lastFault = s; fprintf(stderr, "emu: %s\n", s); }
  return sticky = code;
}
EMU_API const char *emu_last_fault() { return lastFault.c_str(); }
// ---- every call passes here -----------------------------------------------------------------------------------------
static std::map<std::string, int> calls;
static std::map<std::pair<std::string, int>, int> failures = [] {
  std::map<std::pair<std::string, int>, int> m; std::string s = env("EMU_FAIL", ""); char f[100]; int n, c, used;
  for (const char *p = s.c_str(); sscanf(p, "%99[^:]:%d=%d%n", f, &n, &c, &used) == 3; p += p[used] ? used + 1 : used) m[{f, n}] = c;
  return m;
}();
EMU_API int emu_enter(const char *f) {
  std::lock_guard g(lock); int n = ++calls[f];
  if (LOG) fprintf(stderr, "emu: call %s #%d\n", f, n);
  auto it = failures.find({f, n}); return it != failures.end() ? it->second : sticky;
}
#define ENTER if (int e_ = emu_enter(__func__)) return e_; std::lock_guard guard_(lock)
// ---- memory: addresses are never used twice, so any stale or stray pointer is recognised ------------------------------
struct Alloc { size_t size; int id; bool live; };
static size_t ARENA = 1ull << 40; static const size_t GAP = 4096;
static char *arena, *arenaTop;
static std::map<Ptr, Alloc> allocs;
static std::map<Ptr, size_t> pinned;
static size_t used; static int allocId;
static std::map<Ptr, Alloc>::iterator find(Ptr a) { auto it = allocs.upper_bound(a); return it == allocs.begin() ? allocs.end() : std::prev(it); }
static struct { Ptr lo, hi; } recent[8]; static unsigned recentAt;
static int memAlloc(Ptr *p, size_t n) {
  if (!n) return 1;
  if (used + n > MEM) return 2;
  if (!arena) { void *a; while ((a = mmap(0, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) == MAP_FAILED) ARENA /= 2; arena = arenaTop = (char *)a; }
  if (arenaTop + n + GAP > arena + ARENA) return 2;
  *p = (Ptr)arenaTop; memset(arenaTop, 0xff, n);          // reads as NaN
  allocs[*p] = {n, ++allocId, true}; used += n; arenaTop += (n + GAP + 511) / 512 * 512; return 0;
}
static int memFree(Ptr p) {
  auto it = allocs.find(p); if (it == allocs.end() || !it->second.live) return 1;
  it->second.live = false; used -= it->second.size; memset(recent, 0, sizeof recent);
  Ptr a = (p + 4095) & ~4095ull, b = (p + it->second.size) & ~4095ull; memset((void *)p, 0xff, std::min<size_t>(it->second.size, 4096)); if (b > a) madvise((void *)a, b - a, MADV_DONTNEED);
  return 0;
}
static std::string where(Ptr a, size_t n) {
  char s[200]; auto it = find(a); if (it == allocs.end() || !arena || a >= (Ptr)arenaTop) { snprintf(s, sizeof s, "0x%llx, no device memory", a); return s; }
  auto next = std::next(it); if (next != allocs.end() && next->first - a < a - it->first - it->second.size && a >= it->first + it->second.size) { snprintf(s, sizeof s, "%llu bytes before allocation %d (%zu bytes)", next->first - a, next->second.id, next->second.size); return s; }
  auto &[p, al] = *it; long over = (long)(a + n) - (long)(p + al.size);
  if (!al.live) snprintf(s, sizeof s, "byte %llu of allocation %d (%zu bytes), which is freed", a - p, al.id, al.size);
  else snprintf(s, sizeof s, "byte %llu of allocation %d (%zu bytes), %ld past its end", a - p, al.id, al.size, over);
  return s;
}
static inline bool valid(Ptr a, size_t n) {
  for (auto &r : recent) if (a >= r.lo && a + n <= r.hi) return true;
  auto it = find(a); if (it == allocs.end() || !it->second.live || a + n > it->first + it->second.size) return false;
  recent[recentAt++ & 7] = {it->first, it->first + it->second.size}; return true;
}
EMU_API int emu_range(const void *p, size_t n, const char *what) {
  std::lock_guard g(lock);
  return n == 0 || valid((Ptr)p, n) ? 0 : fault(700, "%s: %zu bytes at %s", what, n, where((Ptr)p, n).c_str());
}
EMU_API const void *emu_allocation(const void *p, size_t *n) {
  std::lock_guard g(lock); auto it = find((Ptr)p); if (it == allocs.end() || !valid((Ptr)p, 1)) return nullptr;
  *n = it->second.size; return (void *)it->first;
}
// ---- block executor: a fiber runs CUDA threads one after another until one waits at a barrier and keeps that fiber ------
struct Module { void *h; char *lo, *hi; std::string path; };
struct Func { const EmuKernel *k; std::string name; Module *m; int maxDynamic = 48 << 10; };
struct Range { char *lo, *hi; };
extern "C" { __attribute__((visibility("default"))) EmuThread *emu_self; void emu_switch(void **save, void *to); }
asm(".globl emu_switch\n.type emu_switch,@function\nemu_switch: push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15; mov %rsp,(%rdi); mov %rsi,%rsp;"
    " pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret\n");
enum { NEW, RUN, WARP, BLOCK, DONE };
struct Lane { EmuThread t; void *fiber; int st; unsigned mask; };
struct Fiber { void *sp; char *stack; };
static const size_t STACK = 128 << 10, DYNAMIC = 256 << 10;
static std::vector<Fiber *> idle; static std::vector<Fiber *> all; static char *stacks, *stacksEnd;
static void *sched; static Fiber *current;
static std::vector<Lane> lanes; static int nLanes, nextLane, endLane; static bool killed;
static uint64_t slots[32][32]; static int voteSum[2]; static unsigned epoch, warpEpoch[32];
static Func *func; static void **args; static size_t dynSize;
extern "C" { alignas(256) __attribute__((visibility("default"))) char emu_dynamic[DYNAMIC]; }
static Range sharedStatic;
static const char *at() { static char s[300]; EmuThread *t = emu_self; snprintf(s, sizeof s, "kernel %s, block (%u,%u,%u), thread (%u,%u,%u)", func->name.c_str(), t->bid.x, t->bid.y, t->bid.z, t->tid.x, t->tid.y, t->tid.z); return s; }
static void toScheduler() { emu_switch(&current->sp, sched); }
static void die() { killed = true; for (;;) toScheduler(); }
static void wait(int st) { Lane *l = (Lane *)emu_self; l->st = st; l->fiber = current; toScheduler(); }
EMU_API void emu_sync_block() { wait(BLOCK); }
EMU_API void emu_sync_warp(unsigned mask) { ((Lane *)emu_self)->mask = mask; wait(WARP); }
EMU_API int emu_block_count(int p) { unsigned e = epoch & 1; voteSum[e] += p != 0; wait(BLOCK); int r = voteSum[e]; wait(BLOCK); voteSum[e] = 0; return r; }
EMU_API void *emu_warp_slots() { return slots[emu_self->linear / 32]; }
EMU_API void emu_trap(const char *w) { fault(719, "%s: %s", at(), w); die(); }
static void entry() {
  for (;;) {
    while (nextLane < endLane) { Lane &l = lanes[nextLane++]; emu_self = &l.t; l.st = RUN; func->k->call(args); ((Lane *)emu_self)->st = DONE; }
    idle.push_back(current); toScheduler();
  }
}
static Fiber *fiber() {
  if (idle.empty()) {
    if (!stacks) { stacks = (char *)mmap(0, 1024 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); stacksEnd = stacks; }
    auto *f = new Fiber; f->stack = stacksEnd; stacksEnd += STACK; all.push_back(f); idle.push_back(f);
    mprotect(f->stack, 4096, PROT_NONE); f->sp = nullptr;
  }
  Fiber *f = idle.back(); idle.pop_back();
  if (!f->sp) { void **p = (void **)(f->stack + STACK) - 8; p[6] = (void *)entry; f->sp = p; }     // entry sees rsp % 16 == 8
  return f;
}
static void resume(Fiber *f) { current = f; emu_switch(&sched, f->sp); }
static bool releaseWarp(int w, int e) {                   // groups of lanes that wait with the same mask and are complete
  bool any = false;
  for (int i = w; i < e; i++) if (lanes[i].st == WARP) {
    unsigned m = lanes[i].mask; bool ok = true;
    for (int j = w; j < e && ok; j++) if (m >> (j - w) & 1) ok = lanes[j].st == DONE || (lanes[j].st == WARP && lanes[j].mask == m);
    if (ok) { any = true; for (int j = w; j < e; j++) if ((m >> (j - w) & 1) && lanes[j].st == WARP) lanes[j].st = RUN; if (lanes[i].st == WARP) lanes[i].st = RUN; }
  }
  if (any) warpEpoch[w / 32]++;
  return any;
}
static bool runBlock() {
  for (;;) {
    for (int w = 0; w < nLanes; w += 32) {
      int e = std::min(w + 32, nLanes);
      nextLane = w; while (nextLane < e && lanes[nextLane].st != NEW) nextLane++;
      endLane = e;
      while (nextLane < e) { resume(fiber()); if (killed) return false; }
      do for (int i = w; i < e; i++) if (lanes[i].st == RUN) { emu_self = &lanes[i].t; resume((Fiber *)lanes[i].fiber); if (killed) return false; } while (releaseWarp(w, e));
    }
    int atBlock = 0, atWarp = -1; for (int i = 0; i < nLanes; i++) { atBlock += lanes[i].st == BLOCK; if (lanes[i].st == WARP) atWarp = i; }
    if (atWarp >= 0) { emu_self = &lanes[atWarp].t; fault(719, "%s: waits in a warp operation with mask %08x that other lanes do not reach", at(), lanes[atWarp].mask); return false; }
    if (!atBlock) return true;
    epoch++; for (int i = 0; i < nLanes; i++) if (lanes[i].st == BLOCK) lanes[i].st = RUN;
  }
}
static int runGrid(Func *f, dim3 g, dim3 b, size_t dyn, void **params) {
  func = f; args = params; dynSize = dyn; nLanes = b.x * b.y * b.z; killed = false; if ((int)lanes.size() < nLanes) lanes.resize(nLanes);
  auto bound = [&](const char *n) { return (char *)dlsym(f->m->h, n); };
  sharedStatic = {bound("emu_shared_lo") ? *(char **)bound("emu_shared_lo") : nullptr, bound("emu_shared_hi") ? *(char **)bound("emu_shared_hi") : nullptr};
  size_t blocks = (size_t)g.x * g.y * g.z;
  for (size_t q = 0; q < blocks; q++) {
    size_t k = REVERSE ? blocks - 1 - q : q; unsigned x = k % g.x, y = k / g.x % g.y, z = k / g.x / g.y;
    for (int i = 0; i < nLanes; i++) lanes[i] = {{{i % b.x, i / b.x % b.y, i / (b.x * b.y)}, {x, y, z}, b, g, i}, nullptr, NEW, 0};
    if (sharedStatic.hi > sharedStatic.lo) memset(sharedStatic.lo, 0xff, sharedStatic.hi - sharedStatic.lo);
    memset(emu_dynamic, 0xff, dyn); epoch += 2; epoch &= ~1u; voteSum[0] = voteSum[1] = 0;
    if (!runBlock()) { idle.clear(); for (auto *fb : all) { fb->sp = nullptr; idle.push_back(fb); } return sticky; }
  }
  return 0;
}
// ---- the compiler's hooks: -fsanitize=thread calls these for every load and store, -fsanitize=alignment,bounds the ubsan ones ---
struct Shadow { unsigned writeEpoch, writeWarp, readEpoch, readWarp; short writer, reader; };      // reader -2: several
static Shadow shadow[2][DYNAMIC / 4];
static void race(Shadow *s, bool write, Ptr a, const char *which) {
  int me = emu_self->linear; unsigned we = warpEpoch[me / 32];
  auto clash = [&](int other, unsigned e, unsigned w) { return e == epoch && other != me && (other < 0 || other / 32 != me / 32 || w == we); };
  if (clash(s->writer, s->writeEpoch, s->writeWarp)) { fault(719, "%s: %ss %s shared memory that thread %d wrote without a barrier between", at(), write ? "write" : "read", which, s->writer); die(); }
  if (write && clash(s->reader, s->readEpoch, s->readWarp)) { fault(719, "%s: writes %s shared memory that thread %d read without a barrier between", at(), which, s->reader); die(); }
  if (write) { s->writeEpoch = epoch; s->writeWarp = we; s->writer = me; } else { s->reader = s->readEpoch == epoch && s->reader != me && s->reader / 32 != me / 32 ? -2 : me; s->readEpoch = epoch; s->readWarp = we; }
}
static inline void access(Ptr a, size_t n, bool write) {
  if (a - (Ptr)arena < ARENA) { if (valid(a, n)) return; }
  else if (a >= (Ptr)sharedStatic.lo && a + n <= (Ptr)sharedStatic.hi) { if (RACE && a - (Ptr)sharedStatic.lo < DYNAMIC) race(&shadow[0][(a - (Ptr)sharedStatic.lo) / 4], write, a, "static"); return; }
  else if (a - (Ptr)emu_dynamic < DYNAMIC) { if (a + n <= (Ptr)emu_dynamic + dynSize) { if (RACE) race(&shadow[1][(a - (Ptr)emu_dynamic) / 4], write, a, "dynamic"); return; }
    fault(700, "%s: %s of %zu bytes at byte %llu of %zu bytes of dynamic shared memory", at(), write ? "write" : "read", n, a - (Ptr)emu_dynamic, dynSize); die(); }
  else if (a - (Ptr)stacks < 1024 * STACK || (a >= (Ptr)func->m->lo && a + n <= (Ptr)func->m->hi)) return;
  fault(700, "%s: %s of %zu bytes at %s", at(), write ? "write" : "read", n, where(a, n).c_str()); die();
}
EMU_API void emu_touch(void *p, size_t n) { if ((Ptr)p % n) { fault(716, "%s: misaligned atomic at 0x%llx", at(), (Ptr)p); die(); } Ptr a = (Ptr)p; if (a - (Ptr)arena < ARENA && !valid(a, n)) access(a, n, true); }
#define HOOK(n) EMU_API void __tsan_read##n(void *p) { access((Ptr)p, n, false); } EMU_API void __tsan_write##n(void *p) { access((Ptr)p, n, true); } \
  EMU_API void __tsan_unaligned_read##n(void *p) { access((Ptr)p, n, false); } EMU_API void __tsan_unaligned_write##n(void *p) { access((Ptr)p, n, true); }
HOOK(1) HOOK(2) HOOK(4) HOOK(8) HOOK(16)
EMU_API void __tsan_read_range(void *p, size_t n) { access((Ptr)p, n, false); }
EMU_API void __tsan_write_range(void *p, size_t n) { access((Ptr)p, n, true); }
EMU_API void __tsan_vptr_update(void **, void *) {}
EMU_API void __tsan_init() {}
struct Source { const char *file; unsigned line, column; };
EMU_API void __ubsan_handle_type_mismatch_v1(Source *s, void *p) { fault((Ptr)p < 4096 ? 700 : 716, "%s: %s pointer 0x%llx, source line %u", at(), (Ptr)p < 4096 ? "null" : "misaligned", (Ptr)p, s->line); die(); }
EMU_API void __ubsan_handle_out_of_bounds(Source *s, void *i) { fault(700, "%s: array index %lld out of bounds, source line %u", at(), (long long)i, s->line); die(); }
// ---- streams, events, capture -----------------------------------------------------------------------------------------
struct Stream;
struct Node { std::string name; std::function<int()> op; };
struct Graph { std::vector<Node> ops; };
struct Capture { Graph *g = new Graph; Stream *origin; int mode; pthread_t thread; bool invalid = false; std::map<Stream *, size_t> side; };
struct Stream { std::deque<std::function<int()>> q; uint64_t issued = 0, done = 0; Capture *cap = nullptr; size_t capCount = 0; unsigned flags = 0; };
struct Event { double t = 0; Stream *s = nullptr; uint64_t seq = 0; Capture *cap = nullptr; size_t capCount = 0; unsigned flags; };
static Stream stream0; static std::set<Stream *> streams; static std::set<Capture *> captures;
static Stream *S(void *s) { return s > (void *)2 ? (Stream *)s : &stream0; }
static int drain(Stream *s, uint64_t upto = ~0ull) { while (s->done < upto && !s->q.empty()) { auto op = std::move(s->q.front()); s->q.pop_front(); s->done++; if (int e = op()) if (!sticky) sticky = e; } return sticky; }
static int drainAll(bool blockingOnly) { drain(&stream0); for (auto *s : streams) if (!blockingOnly || !(s->flags & 1)) drain(s); return sticky; }
static int unsafe() {                                     // a call that a capture forbids
  for (auto *c : captures) if (c->mode == 0 || (c->mode == 1 && pthread_equal(c->thread, pthread_self()))) { c->invalid = true; return 900; }
  return 0;
}
static int legacy() {                                     // use of the legacy stream while a blocking stream captures
  for (auto *c : captures) if (!(c->origin->flags & 1)) { c->invalid = true; return 906; }
  return unsafe();
}
#define SAFE if (int e_ = unsafe()) return e_
#define LEGACY if (int e_ = legacy()) return e_; drainAll(true)
EMU_API bool emu_capturing(void *st) { return S(st)->cap; }
int emu_issue(void *st, const char *name, std::function<int()> op) {
  std::lock_guard g(lock); Stream *s = S(st);
  if (s == &stream0) { if (int e = legacy()) return e; drainAll(true); }
  if (LOG) fprintf(stderr, "emu: %s %s\n", s->cap ? "capture" : "issue", name);
  if (s->cap) { if (s->cap->invalid) return 901; s->cap->g->ops.push_back({name, std::move(op)}); s->capCount++; return 0; }
  s->issued++;
  if (LAZY) { s->q.push_back(std::move(op)); return 0; }
  s->done++; if (int e = op()) if (!sticky) sticky = e;   // as on a device, the next call reports it
  return 0;
}
static double now() { timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec * 1e-6; }
#define API EMU_API int
API cuStreamCreate(void **s, unsigned f) { ENTER; auto *n = new Stream; n->flags = f; streams.insert(n); *s = n; return 0; }
API cuStreamCreateWithPriority(void **s, unsigned f, int) { return cuStreamCreate(s, f); }
API cuStreamDestroy_v2(void *s) { ENTER; drain(S(s)); streams.erase(S(s)); delete S(s); return 0; }
API cuStreamSynchronize(void *st) { ENTER; Stream *s = S(st); if (s->cap) { s->cap->invalid = true; return 900; } if (s == &stream0) { LEGACY; } return drain(s); }
API cuStreamQuery(void *st) { ENTER; Stream *s = S(st); if (s->cap) { s->cap->invalid = true; return 900; } return s->q.empty() ? 0 : 600; }
API cuEventCreate(void **e, unsigned f) { ENTER; auto *n = new Event; n->flags = f; *e = n; return 0; }
API cuEventDestroy_v2(void *e) { ENTER; (void)e; return 0; }
API cuEventRecord(void *ev, void *st) {
  ENTER; Event *e = (Event *)ev; Stream *s = S(st); e->s = s; e->cap = s->cap; e->capCount = s->capCount; if (s->cap) { s->cap->g->ops.push_back({"event", [=] { e->t = now(); return 0; }}); return 0; }
  e->seq = ++s->issued; auto op = [=] { e->t = now(); return 0; }; if (LAZY) { s->q.push_back(op); return 0; } s->done++; return op();
}
API cuStreamWaitEvent(void *st, void *ev, unsigned) {
  ENTER; Event *e = (Event *)ev; Stream *s = S(st);
  if (e->cap) {
    if (!captures.count(e->cap)) return 1;
    if (!s->cap) { s->cap = e->cap; s->capCount = 0; e->cap->side[s] = ~0ull; } else if (s->cap != e->cap) { e->cap->invalid = s->cap->invalid = true; return 902; }      // merge
    if (s == e->cap->origin && e->cap->side.count(e->s)) e->cap->side[e->s] = e->capCount;       // joined up to here
    return 0;
  }
  if (s->cap) { s->cap->invalid = true; return 905; }     // isolation: depends on work outside the capture
  if (LAZY && e->s) { s->issued++; s->q.push_back([=] { return drain(e->s, e->seq); }); }
  return 0;
}
API cuEventSynchronize(void *ev) { ENTER; Event *e = (Event *)ev; if (e->cap) return 907; return e->s ? drain(e->s, e->seq) : 0; }
API cuEventQuery(void *ev) { ENTER; Event *e = (Event *)ev; if (e->cap) return 907; return !e->s || e->s->done >= e->seq ? 0 : 600; }
API cuEventElapsedTime(float *ms, void *a, void *b) { ENTER; Event *x = (Event *)a, *y = (Event *)b; if (!x->s || !y->s) return 400; if (x->s->done < x->seq || y->s->done < y->seq) return 600; *ms = y->t - x->t; return 0; }
API cuStreamBeginCapture_v2(void *st, int mode) {
  ENTER; Stream *s = S(st); if (s == &stream0) return 900; if (s->cap) return 401;
  auto *c = new Capture; c->origin = s; c->mode = mode; c->thread = pthread_self(); captures.insert(c); s->cap = c; s->capCount = 0; return 0;
}
API cuStreamEndCapture(void *st, void **g) {
  ENTER; Stream *s = S(st); Capture *c = s->cap; *g = nullptr; if (!c) return 401; if (c->origin != s) return 903;
  if (c->mode != 2 && !pthread_equal(c->thread, pthread_self())) { c->invalid = true; return 908; }
  int e = c->invalid ? 901 : 0; for (auto &[x, n] : c->side) { if (!e && n != x->capCount) e = 904; x->cap = nullptr; }
  s->cap = nullptr; captures.erase(c); if (!e) *g = c->g; return e;
}
API cuStreamIsCapturing(void *st, int *status) { ENTER; Capture *c = S(st)->cap; *status = !c ? 0 : c->invalid ? 2 : 1; return 0; }
API cuThreadExchangeStreamCaptureMode(int *) { return 0; }
API cuGraphGetNodes(void *g, void **, size_t *n) { ENTER; *n = ((Graph *)g)->ops.size(); return 0; }
API cuGraphInstantiateWithFlags(void **x, void *g, unsigned long long) { ENTER; if (!g) return 1; *x = new Graph(*(Graph *)g); return 0; }
API cuGraphUpload(void *, void *) { ENTER; return 0; }
API cuGraphLaunch(void *x, void *st) { ENTER; Graph *g = (Graph *)x; return emu_issue(st, "graph", [=] { for (auto &o : g->ops) if (int e = o.op()) return e; return 0; }); }
API cuGraphDestroy(void *g) { ENTER; delete (Graph *)g; return 0; }
API cuGraphExecDestroy(void *g) { ENTER; drainAll(false); delete (Graph *)g; return 0; }
// ---- device, context, memory ------------------------------------------------------------------------------------------
API cuInit(unsigned) { return emu_enter(__func__); }
API cuDriverGetVersion(int *v) { *v = 12060; return 0; }
API cuDeviceGetCount(int *n) { ENTER; *n = 1; return 0; }
API cuDeviceGet(int *d, int i) { ENTER; *d = i; return i ? 101 : 0; }
API cuDeviceGetName(char *s, int n, int) { ENTER; snprintf(s, n, "host emulator"); return 0; }
API cuDeviceTotalMem_v2(size_t *n, int) { ENTER; *n = MEM; return 0; }
API cuDeviceGetAttribute(int *v, int a, int) {
  ENTER; static const std::map<int, int> m{{1, 1024}, {2, 1024}, {3, 1024}, {4, 64}, {5, 0x7fffffff}, {6, 65535}, {7, 65535}, {8, 48 << 10}, {10, 32}, {16, 4}, {39, 2048}, {75, 9}, {76, 0}, {81, 232448}, {97, 232448}, {115, 1}};
  auto it = m.find(a); *v = it == m.end() ? 0 : it->second; return 0;
}
API cuDevicePrimaryCtxRetain(void **c, int) { ENTER; static int x; *c = &x; return 0; }
API cuDevicePrimaryCtxRelease_v2(int) { return 0; }
API cuDevicePrimaryCtxReset_v2(int) { std::lock_guard g(lock); sticky = 0; for (auto &[p, a] : allocs) if (a.live) memFree(p); for (auto *s : streams) { s->q.clear(); s->cap = nullptr; } captures.clear(); return 0; }
API cuCtxSetCurrent(void *) { return 0; }
API cuCtxGetCurrent(void **c) { return cuDevicePrimaryCtxRetain(c, 0); }
API cuCtxSynchronize() { ENTER; SAFE; return drainAll(false); }
API cuGetErrorString(int e, const char **s) { static std::map<int, std::string> m; auto &t = m[e]; t = "emulated CUDA error " + std::to_string(e); if (e == sticky) t += ": " + lastFault; *s = t.c_str(); return 0; }
API cuGetErrorName(int e, const char **s) { return cuGetErrorString(e, s); }
API cuMemGetInfo_v2(size_t *f, size_t *t) { ENTER; *t = MEM; *f = MEM - used; return 0; }
API cuMemAlloc_v2(Ptr *p, size_t n) { ENTER; SAFE; return memAlloc(p, n); }
API cuMemFree_v2(Ptr p) { ENTER; SAFE; if (!p) return 0; drainAll(false); return memFree(p); }
API cuMemAllocAsync(Ptr *p, size_t n, void *) { ENTER; return memAlloc(p, n); }
API cuMemFreeAsync(Ptr p, void *st) { ENTER; return emu_issue(st, "free", [=] { return memFree(p); }); }
API cuMemHostAlloc(void **p, size_t n, unsigned) { ENTER; SAFE; *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096); pinned[(Ptr)*p] = n; return 0; }
API cuMemAllocHost_v2(void **p, size_t n) { return cuMemHostAlloc(p, n, 0); }
API cuMemFreeHost(void *p) { ENTER; SAFE; drainAll(false); if (!pinned.erase((Ptr)p)) return 1; free(p); return 0; }
API cuMemHostRegister_v2(void *p, size_t n, unsigned) { ENTER; pinned[(Ptr)p] = n; return 0; }
API cuMemHostUnregister(void *p) { ENTER; return pinned.erase((Ptr)p) ? 0 : 713; }
static bool isPinned(const void *p) { auto it = pinned.upper_bound((Ptr)p); return it != pinned.begin() && (--it, (Ptr)p < it->first + it->second); }
static int copy(void *d, const void *s, size_t n, int kind) {   // kind: bit 0 destination, bit 1 source on the device
  if (n && (kind & 1)) if (int e = emu_range(d, n, "copy destination")) return e;
  if (n && (kind & 2)) if (int e = emu_range(s, n, "copy source")) return e;
  memmove(d, s, n); return 0;
}
API cuMemcpyHtoD_v2(Ptr d, const void *s, size_t n) { ENTER; LEGACY; return copy((void *)d, s, n, 1); }
API cuMemcpyDtoH_v2(void *d, Ptr s, size_t n) { ENTER; LEGACY; if (sticky) return sticky; return copy(d, (void *)s, n, 2); }
API cuMemcpyDtoD_v2(Ptr d, Ptr s, size_t n) { ENTER; LEGACY; return copy((void *)d, (void *)s, n, 3); }
API cuMemcpyDtoDAsync_v2(Ptr d, Ptr s, size_t n, void *st) { ENTER; return emu_issue(st, "copyDtoD", [=] { return copy((void *)d, (void *)s, n, 3); }); }
API cuMemcpyHtoDAsync_v2(Ptr d, const void *s, size_t n, void *st) {
  ENTER; if (isPinned(s)) return emu_issue(st, "copyHtoD", [=] { return copy((void *)d, s, n, 1); });
  if (emu_capturing(st)) return emu_issue(st, "copyHtoD", [=] { return copy((void *)d, s, n, 1); });                  // pageable: staged before the call returns
  std::string b((const char *)s, n); return emu_issue(st, "copyHtoD", [=] { return copy((void *)d, b.data(), n, 1); });
}
API cuMemcpyDtoHAsync_v2(void *d, Ptr s, size_t n, void *st) {
  ENTER; if (!isPinned(d) && !emu_capturing(st)) drain(S(st));
  int e = emu_issue(st, "copyDtoH", [=] { return copy(d, (void *)s, n, 2); }); if (!isPinned(d) && !emu_capturing(st)) drain(S(st)); return e;
}
template <class T> static int fill(Ptr d, T v, size_t n) { if (d % sizeof(T)) return 1; if (int e = emu_range((void *)d, n * sizeof(T), "memset")) return e; std::fill_n((T *)d, n, v); return 0; }
API cuMemsetD8Async(Ptr d, unsigned char v, size_t n, void *st) { ENTER; return emu_issue(st, "memset", [=] { return fill(d, v, n); }); }
API cuMemsetD16Async(Ptr d, unsigned short v, size_t n, void *st) { ENTER; return emu_issue(st, "memset", [=] { return fill(d, v, n); }); }
API cuMemsetD32Async(Ptr d, unsigned v, size_t n, void *st) { ENTER; return emu_issue(st, "memset", [=] { return fill(d, v, n); }); }
API cuMemsetD8_v2(Ptr d, unsigned char v, size_t n) { return cuMemsetD8Async(d, v, n, nullptr); }
API cuMemsetD32_v2(Ptr d, unsigned v, size_t n) { return cuMemsetD32Async(d, v, n, nullptr); }
// ---- modules and launches ---------------------------------------------------------------------------------------------
static int onSegment(dl_phdr_info *i, size_t, void *p) {
  Module *m = (Module *)p; if (m->path != i->dlpi_name) return 0;
  for (int k = 0; k < i->dlpi_phnum; k++) if (i->dlpi_phdr[k].p_type == PT_LOAD) { char *a = (char *)i->dlpi_addr + i->dlpi_phdr[k].p_vaddr; if (!m->lo) m->lo = a; m->hi = a + i->dlpi_phdr[k].p_memsz; }
  return 1;
}
API cuModuleLoadData(void **out, const void *image) {
  ENTER; const char *p = (const char *)image; std::string elf;
  if (!memcmp(p, "//EMU ", 6)) { for (p += 6; p[0] > ' '; p += 2) elf += (char)((p[0] - 'a') * 16 + p[1] - 'a'); p = elf.data(); }      // the fake NVRTC's "PTX"
  if (memcmp(p, "\177ELF", 4) || *(const uint16_t *)(p + 18) != 62) return *p == '\177' ? 209 : 218;                      // a real cubin: NO_BINARY_FOR_GPU; else INVALID_PTX
  size_t n = *(const uint64_t *)(p + 40) + (size_t)*(const uint16_t *)(p + 58) * *(const uint16_t *)(p + 60);             // the section header table ends the file
  int fd = memfd_create("emu", 0); if (write(fd, p, n) != (ssize_t)n) return 304;
  auto *m = new Module{nullptr, nullptr, nullptr, "/proc/self/fd/" + std::to_string(fd)}; m->h = dlopen(m->path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!m->h) { fprintf(stderr, "emu: %s\n", dlerror()); close(fd); return 200; }
  dl_iterate_phdr(onSegment, m); *out = m; return 0;       // the descriptor stays open: its path is the library's name
}
API cuModuleLoadDataEx(void **m, const void *image, unsigned, void *, void **) { return cuModuleLoadData(m, image); }
API cuModuleUnload(void *m) { ENTER; drainAll(false); dlclose(((Module *)m)->h); close(atoi(((Module *)m)->path.c_str() + 14)); delete (Module *)m; return 0; }
API cuModuleGetFunction(void **f, void *m, const char *name) {
  ENTER; auto *k = (const EmuKernel *)dlsym(((Module *)m)->h, (std::string("emu_kernel_") + name).c_str());
  if (!k) return 500; *f = new Func{k, name, (Module *)m}; return 0;
}
API cuModuleGetGlobal_v2(Ptr *p, size_t *n, void *m, const char *name) {
  ENTER; void *a = dlsym(((Module *)m)->h, name); if (!a) return 500; Dl_info d; const ElfW(Sym) *s = nullptr; dladdr1(a, &d, (void **)&s, RTLD_DL_SYMENT);
  if (p) *p = (Ptr)a; if (n) *n = s ? s->st_size : 0; allocs[(Ptr)a] = {s ? s->st_size : 0, ++allocId, true}; return 0;
}
API cuFuncSetAttribute(void *f, int a, int v) { ENTER; if (a == 8) { if (v > 232448) return 1; ((Func *)f)->maxDynamic = v; } return 0; }
API cuFuncGetAttribute(int *v, int a, void *f) { ENTER; Func *k = (Func *)f; *v = a == 0 ? (k->k->maxThreads ? k->k->maxThreads : 1024) : a == 8 ? k->maxDynamic : 0; return 0; }
API cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n, void *, int, size_t) { ENTER; *n = 2; return 0; }
API cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned dyn, void *st, void **params, void **extra) {
  ENTER; Func *fn = (Func *)f; const EmuKernel *k = fn->k; dim3 g{gx, gy, gz}, b{bx, by, bz}; (void)extra;
  if (!gx || !gy || !gz || !bx || !by || !bz || gy > 65535 || gz > 65535 || bx > 1024 || by > 1024 || bz > 64 || bx * by * bz > 1024 || (int)dyn > fn->maxDynamic) return 1;
  if (k->maxThreads && (int)(bx * by * bz) > k->maxThreads) return 701;                        // __launch_bounds__
  if (!S(st)->cap && !LAZY && S(st) != &stream0) { if (LOG) fprintf(stderr, "emu: launch %s\n", fn->name.c_str()); runGrid(fn, g, b, dyn, params); return 0; }
  std::vector<std::string> a; for (int i = 0; i < k->n; i++) a.emplace_back((char *)params[i], k->sizes[i]);   // copied now, as CUDA does
  return emu_issue(st, fn->name.c_str(), [=]() mutable { std::vector<void *> p; for (auto &x : a) p.push_back(x.data()); return runGrid(fn, g, b, dyn, p.data()); });
}
