use std::task::Waker;

use super::super::recording::header;
use super::play::STANDSTILL;
use super::*;
use crate::engine::company::Company;

/// A replay of these lines, which a test gives by what happened.
fn replay(name: &str, lines: &str) -> ReplayTransport {
    let path = std::env::temp_dir().join(format!("libcodex-replay-{name}-{}", std::process::id()));
    std::fs::write(&path, header(None, Company::Nobody) + lines).unwrap();
    let mut transport = ReplayTransport::new(Recording::open(&path).unwrap(), Redactor::default(), Log::default());
    std::fs::remove_file(path).unwrap();
    assert_eq!(fill(&mut transport), Poll::Ready(Filled::Some));
    transport
}

fn send(transport: &mut ReplayTransport, message: &str) {
    let sent = transport.poll_send(&mut Context::from_waker(Waker::noop()), message);
    assert!(matches!(sent, Poll::Ready(Ok(()))));
}

fn fill(transport: &mut ReplayTransport) -> Poll<Filled> {
    transport.poll_fill(&mut Context::from_waker(Waker::noop()))
}

fn ending(transport: &mut ReplayTransport, now: Instant) -> Option<Ending> {
    match transport.poll_ended(&mut Context::from_waker(Waker::noop()), now) {
        Poll::Ready(ending) => Some(ending),
        Poll::Pending => None,
    }
}

fn taken(transport: &mut ReplayTransport) -> Vec<String> {
    let mut taken = Vec::new();
    transport.take_messages(&mut |incoming| match incoming {
        Incoming::Message(message) => taken.push(String::from_utf8_lossy(message).into_owned()),
        Incoming::Oversized { head, len, .. } => taken.push(format!("{len}:{}", String::from_utf8_lossy(head))),
    });
    taken
}

#[test]
fn a_recording_is_read_by_whoever_drives_the_connection_and_not_by_whoever_begins_it() {
    let path = std::env::temp_dir().join(format!("libcodex-replay-unread-{}", std::process::id()));
    std::fs::write(&path, "no recording").unwrap();
    let mut transport = ReplayTransport::new(Recording::open(&path).unwrap(), Redactor::default(), Log::default());
    std::fs::remove_file(path).unwrap();
    assert!(transport.poll_send(&mut Context::from_waker(Waker::noop()), "{}").is_pending());
    assert!(ending(&mut transport, Instant::now()).is_none());
    assert_eq!(fill(&mut transport), Poll::Ready(Filled::Some));
    let cause = ending(&mut transport, Instant::now()).unwrap().cause.unwrap();
    assert_eq!((cause.status(), cause.reason()), (Status::InvalidArgument, "recordingUnusable"));
}

#[test]
fn many_messages_come_in_portions_and_then_there_is_nothing_for_now() {
    let mut transport = replay("portions", &"{\"received\":{}}\n".repeat(BATCH + 1));
    assert_eq!(fill(&mut transport), Poll::Ready(Filled::Some));
    assert_eq!(taken(&mut transport).len(), BATCH);
    assert_eq!(fill(&mut transport), Poll::Ready(Filled::All));
    assert_eq!(taken(&mut transport).len(), 1);
    assert_eq!(fill(&mut transport), Poll::Pending);
    assert!(ending(&mut transport, Instant::now()).is_none());
}

#[test]
fn a_message_that_was_too_long_is_too_long_again() {
    let mut transport = replay("skipped", "{\"skipped\":{\"bytes\":9000,\"begins\":\"{\\\"id\\\":1,\"}}\n");
    assert_eq!(fill(&mut transport), Poll::Ready(Filled::All));
    assert_eq!(taken(&mut transport), ["9000:{\"id\":1,"]);
}

#[test]
fn an_answer_that_never_can_come_is_given_up_after_ten_seconds() {
    let lines =
        "{\"sent\":{\"id\":1,\"method\":\"a\"}}\n{\"sent\":{\"id\":2,\"method\":\"b\"}}\n{\"received\":{\"id\":2}}\n";
    let mut transport = replay("standstill", lines);
    let now = Instant::now();
    send(&mut transport, "{\"id\":1,\"method\":\"b\"}");
    assert_eq!(fill(&mut transport), Poll::Pending);
    assert!(ending(&mut transport, now).is_none());
    assert_eq!(transport.next_deadline(), Some(now + STANDSTILL));
    let cause = ending(&mut transport, now + STANDSTILL).unwrap().cause.unwrap();
    assert_eq!((cause.status(), cause.reason()), (Status::Protocol, "replayMismatch"));
    assert!(cause.message().contains("has a in line 2"), "{cause}");
}

#[test]
fn a_turn_that_never_can_end_is_given_up_ten_seconds_after_the_recorded_program_went_on_with_it() {
    for (next, shown) in [
        ("\"sent\":{\"id\":1,\"method\":\"turn/interrupt\"}", "turn/interrupt in line 3"),
        ("\"closed\":true", "the end of the client in line 3"),
    ] {
        let started = "{\"received\":{\"method\":\"turn/started\",\"params\":{\"turn\":{\"id\":\"u\"}}}}";
        let mut transport = replay("unsaid", &format!("{started}\n{{\"ms\":60000,{next}}}\n"));
        let now = Instant::now();
        assert_eq!(fill(&mut transport), Poll::Ready(Filled::All));
        assert!(ending(&mut transport, now).is_none());
        let until = now + Duration::from_secs(60) + STANDSTILL;
        assert_eq!(transport.next_deadline(), Some(until));
        let cause = ending(&mut transport, until).unwrap().cause.unwrap();
        assert!(cause.message().contains("the end of turn u") && cause.message().contains(shown), "{cause}");
    }
}

#[test]
fn what_the_runtime_still_said_after_the_host_had_closed_is_played_too() {
    let mut transport = replay("closed", "{\"closed\":true}\n{\"received\":{}}\n{\"ended\":{\"exitStatus\":\"0\"}}\n");
    assert_eq!(fill(&mut transport), Poll::Pending);
    transport.finish_sending();
    assert_eq!(transport.fill_rest(), Filled::Some);
    assert_eq!(taken(&mut transport), ["{}"]);
    assert_eq!(transport.fill_rest(), Filled::End);
    assert_eq!(ending(&mut transport, Instant::now()).unwrap().exit_status.as_deref(), Some("0"));
}

#[test]
fn after_a_mismatch_nothing_is_played_any_more() {
    let mut transport = replay("mismatch", "{\"received\":{}}\n");
    send(&mut transport, "{\"id\":1,\"method\":\"a\"}");
    send(&mut transport, "{\"id\":2,\"method\":\"b\"}");
    assert_eq!(fill(&mut transport), Poll::Ready(Filled::End));
    let cause = ending(&mut transport, Instant::now()).unwrap().cause.unwrap();
    assert!(cause.message().contains("sent a, "), "{cause}");
}
