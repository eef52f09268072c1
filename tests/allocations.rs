//! What streams of plain text in full flow cost the allocator: nothing.

use std::time::Instant;

use codex::engine::client_options::ClientOptions;
use codex::engine::limits::Limits;
use codex::engine::log::Log;
use codex::engine::queue::Next;
use codex::engine::session::{Config, Delivery, HandleId, Queues, Session, TurnSandbox, TurnStart};
use codex::engine::spares::Spares;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The text of an unfinished message is kept and grows, now and then into a larger block.
const GROWTH: u64 = 20;

/// Some turns whose events come in turn.
struct Streams {
    session: Session,
    handles: Vec<HandleId>,
    queues: Queues,
    now: Instant,
}

impl Streams {
    fn begin(queues: Queues, turns: usize) -> Self {
        let now = Instant::now();
        let config = Config { queues, ..ClientOptions::default().session_config(1) };
        let session = Session::new(config, Log::default());
        let mut streams = Self { session, handles: Vec::new(), queues, now };
        (1..=turns).for_each(|number| streams.begin_turn(number));
        streams
    }

    fn begin_turn(&mut self, number: usize) {
        let Self { session, handles, now, .. } = self;
        let (thread, _) = session.known_thread(&format!("thread-{number}")).unwrap();
        let start = TurnStart {
            thread,
            params: "{}",
            sandbox: TurnSandbox::AsSaid,
            limits: Limits::default(),
            delivery: Delivery::Kept,
            deadline: None,
        };
        handles.push(session.start_turn(*now, &start).unwrap());
        session.next_line();
        let answer = format!(r#"{{"id":{number},"result":{{"turn":{{"id":"turn-{number}","status":"inProgress"}}}}}}"#);
        session.receive(*now, answer.as_bytes());
    }

    /// What one read brings, seen by a host that looks at each event and frees it.
    fn flow(&mut self, lines: &[String]) {
        for line in lines.iter().cycle().take(300) {
            self.session.receive(self.now, line.as_bytes());
        }
        for at in 0..self.handles.len() {
            let handle = self.handles[at];
            while let Next::Event(event) = self.next(handle) {
                assert_eq!(event.text(), b"sixteen bytes ...\0");
                Spares::put(event);
            }
        }
    }

    fn next(&mut self, handle: HandleId) -> Next {
        match self.queues {
            Queues::PerTurn => self.session.next_turn_event(handle),
            Queues::Single => self.session.next_client_event(),
        }
    }
}

fn delta(number: usize) -> String {
    format!(
        r#"{{"method":"item/agentMessage/delta","params":{{"threadId":"thread-{number}","turnId":"turn-{number}","itemId":"item-1","delta":"sixteen bytes ..."}},"emittedAtMs":1795645642751}}"#
    )
}

/// How many blocks of memory 30,000 events of so many turns take.
fn blocks_of(queues: Queues, turns: usize) -> u64 {
    let lines: Vec<String> = (1..=turns).map(delta).collect();
    let mut streams = Streams::begin(queues, turns);
    streams.flow(&lines);
    let before = dhat::HeapStats::get().total_blocks;
    (0..100).for_each(|_| streams.flow(&lines));
    dhat::HeapStats::get().total_blocks - before
}

/// One test, because every block of the process counts.
#[test]
fn a_stream_in_full_flow_allocates_nothing() {
    let _profiler = dhat::Profiler::builder().testing().build();
    for (queues, turns) in [(Queues::PerTurn, 1), (Queues::Single, 1), (Queues::PerTurn, 20), (Queues::Single, 20)] {
        let blocks = blocks_of(queues, turns);
        let allowed = GROWTH * turns as u64;
        assert!(blocks <= allowed, "30,000 events of {turns} turns took {blocks} blocks of memory ({queues:?})");
    }
}
