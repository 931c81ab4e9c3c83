//! Counts what the code under test allocates, and holds it to a bound.
#![expect(unsafe_code, reason = "a global allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The system's allocator with a meter.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static TOTAL: AtomicUsize = AtomicUsize::new(0);

fn took(size: usize) {
    let live = LIVE.fetch_add(size, Relaxed).wrapping_add(size);
    PEAK.fetch_max(live, Relaxed);
    TOTAL.fetch_add(size, Relaxed);
}

fn gave(size: usize) {
    LIVE.fetch_sub(size, Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        gave(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        took(size);
        gave(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What may be allocated: so much at any rate, and so much for each byte of input.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// Bytes held at the same time.
    pub peak: (usize, usize),
    /// Bytes allocated in all: a measure of the work that does not depend on the machine.
    pub total: (usize, usize),
}

/// Watches from its making on.
pub struct Meter {
    live: usize,
    total: usize,
}

impl Meter {
    pub fn start() -> Self {
        let live = LIVE.load(Relaxed);
        PEAK.store(live, Relaxed);
        Self {
            live,
            total: TOTAL.load(Relaxed),
        }
    }

    /// Bytes held at most at the same time since the start, and allocated in all.
    pub fn read(&self) -> (usize, usize) {
        let peak = PEAK.load(Relaxed).saturating_sub(self.live);
        (peak, TOTAL.load(Relaxed).wrapping_sub(self.total))
    }

    /// Bytes that were given back since the start.
    pub fn returned(&self) -> usize {
        self.live.saturating_sub(LIVE.load(Relaxed))
    }

    pub fn assert_within(&self, bound: Bound, input: usize) {
        let (peak, total) = self.read();
        if std::env::var_os("MAIL_TLS_FUZZ_METER").is_some() {
            eprintln!("meter: input {input} peak {peak} total {total}");
        }
        let allowed = |(fixed, each): (usize, usize)| fixed + each * input;
        assert!(
            peak <= allowed(bound.peak),
            "{peak} bytes held for {input} bytes of input"
        );
        assert!(
            total <= allowed(bound.total),
            "{total} bytes allocated for {input} bytes of input"
        );
    }
}
