//! What a stream in full flow costs the allocator: nothing.

use std::time::{Duration, Instant};

use codex::engine::limits::Limits;
use codex::engine::log::Log;
use codex::engine::queue::Next;
use codex::engine::session::{Asks, Config, Delivery, HandleId, Interrupts, Queues, Session, TurnSandbox, TurnStart};
use codex::engine::spares::Spares;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The text of an unfinished message is kept and grows, now and then into a larger block.
const GROWTH: u64 = 20;

struct Stream {
    session: Session,
    handle: HandleId,
    now: Instant,
}

impl Stream {
    fn begin() -> Self {
        let now = Instant::now();
        let config = Config {
            request_timeout: Some(Duration::from_secs(60)),
            answer_timeout: None,
            max_queued_bytes: 64 << 20,
            asks: Asks::Reader,
            queues: Queues::PerTurn,
            interrupts: Interrupts::Turn,
            limits: Limits::default(),
            seed: 1,
        };
        let mut session = Session::new(config, Log::default());
        let (thread, _) = session.known_thread("thread-1").unwrap();
        let start = TurnStart {
            thread,
            params: "{}",
            sandbox: TurnSandbox::AsSaid,
            limits: Limits::default(),
            delivery: Delivery::Kept,
            deadline: None,
        };
        let handle = session.start_turn(now, &start).unwrap();
        session.next_line();
        session.receive(now, br#"{"id":1,"result":{"turn":{"id":"turn-1","status":"inProgress"}}}"#);
        Self { session, handle, now }
    }

    /// What one read brings, seen by a host that looks at each event and frees it.
    fn flow(&mut self) {
        const DELTA: &[u8] = br#"{"method":"item/agentMessage/delta","params":{"threadId":"thread-1","turnId":"turn-1","itemId":"item-1","delta":"sixteen bytes ..."},"emittedAtMs":1795645642751}"#;
        for _ in 0..300 {
            self.session.receive(self.now, DELTA);
        }
        while let Next::Event(event) = self.session.next_turn_event(self.handle) {
            assert_eq!(event.text(), b"sixteen bytes ...\0");
            Spares::put(event);
        }
    }
}

#[test]
fn a_stream_in_full_flow_allocates_nothing() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut stream = Stream::begin();
    stream.flow();
    let before = dhat::HeapStats::get().total_blocks;
    (0..100).for_each(|_| stream.flow());
    let blocks = dhat::HeapStats::get().total_blocks - before;
    assert!(blocks <= GROWTH, "30,000 events took {blocks} blocks of memory");
}
