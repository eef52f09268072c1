//! The thread that reads stdin. It never writes to stdout, so it goes on when nobody reads that.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::process;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::thread;

use crate::message::Message;
use crate::world::World;

const READ_SIZE: usize = 64 * 1024;

/// What the end of stdin does.
#[derive(Clone, Copy)]
pub(crate) enum OnEof {
    Exit,
    GoOn,
}

/// Reads stdin to its end and beyond.
pub(crate) fn read(world: &World, messages: &Sender<Message>, on_eof: OnEof) -> ! {
    let stdin = io::stdin().as_fd().try_clone_to_owned();
    let stdin = File::from(stdin.expect("stdin is open"));
    let mut stdin = BufReader::with_capacity(READ_SIZE, stdin);
    let mut line = Vec::new();
    for arrival in 1.. {
        line.clear();
        let count = stdin.read_until(b'\n', &mut line);
        if world.stop_reading.load(Ordering::SeqCst) {
            sleep_for_good();
        }
        if count.expect("stdin can be read") == 0 {
            break;
        }
        world.record.line(&line);
        take(world, messages, &line, arrival);
    }
    world.record.line(b"#eof");
    world.arrivals.note_eof();
    match on_eof {
        OnEof::Exit => process::exit(0),
        OnEof::GoOn => sleep_for_good(),
    }
}

fn take(world: &World, messages: &Sender<Message>, line: &[u8], arrival: u64) {
    let Ok(text) = str::from_utf8(line) else {
        eprintln!("Failed reading stdin: stream did not contain valid UTF-8");
        process::exit(0);
    };
    let complete = text.strip_suffix('\n');
    let Some(message) = complete.and_then(|text| Message::parse(text, arrival)) else {
        return;
    };
    match &message {
        Message::Call(call) => world.arrivals.note_call(&call.method, arrival),
        Message::Answer(id) => world.arrivals.note_answer(id),
    }
    messages.send(message).expect("the worker never ends");
}

fn sleep_for_good() -> ! {
    loop {
        thread::park();
    }
}
