//! The program `fake-runtime`. The documentation of the library describes its scripts.

mod arrivals;
mod builtin;
mod clock;
mod context;
mod flood;
mod gateway;
mod line;
mod message;
mod output;
mod pace;
mod play;
mod reader;
mod record;
mod stage;
mod sys;
mod thread;
mod turn;
mod worker;
mod world;

use std::env;
use std::panic;
use std::process::{self, ExitCode};
use std::sync::{Arc, mpsc};

use fake_runtime::Script;

use crate::context::Context;
use crate::gateway::Gateway;
use crate::output::Output;
use crate::play::{Lane, Play};
use crate::reader::OnEof;
use crate::record::Record;
use crate::stage::Stage;
use crate::sys::OnTerm;
use crate::world::World;

/// The version of the runtime that is played.
const VERSION: &str = "0.169.0";
const BAD_SETUP: u8 = 2;
const PANICKED: i32 = 101;

fn main() -> ExitCode {
    if env::args_os().any(|argument| argument == "--version") {
        println!("codex-cli {VERSION}");
        return ExitCode::SUCCESS;
    }
    if let Some(gateway) = Gateway::from_arguments() {
        match gateway {
            Ok(gateway) => gateway.serve(),
            Err(error) => eprintln!("fake-runtime: {error}"),
        }
        return ExitCode::SUCCESS;
    }
    match set_up() {
        Ok((script, record)) => run(&script, record),
        Err(message) => {
            eprintln!("fake-runtime: {message}");
            ExitCode::from(BAD_SETUP)
        }
    }
}

fn set_up() -> Result<(Script, Record), String> {
    let record = Record::open()?;
    let script = match env::var("FAKE_RUNTIME_SCRIPT") {
        Ok(setting) => Script::from_setting(&setting)?,
        Err(env::VarError::NotPresent) => Script::new(),
        Err(error) => return Err(format!("FAKE_RUNTIME_SCRIPT cannot be read: {error}.")),
    };
    Ok((script, record))
}

fn run(script: &Script, record: Record) -> ! {
    end_with_the_first_panic();
    let on_term = if script.ignore_term { OnTerm::GoOn } else { OnTerm::Die };
    let on_eof = if script.ignore_eof { OnEof::GoOn } else { OnEof::Exit };
    let stage = Stage::new(Output::new(sys::take_stdout()));
    let world = Arc::new(World::new(script, record, stage));
    sys::watch_term(world.record.file(), on_term);
    let start = Play::new(script.start[..].into(), Arc::new(Context::default()));
    start.run(&world, Lane::Own);
    let (sender, messages) = mpsc::channel();
    let shared = Arc::clone(&world);
    std::thread::spawn(move || worker::work(&shared, &messages));
    reader::read(&world, &sender, on_eof)
}

/// A thread that panics alone would leave the client waiting.
fn end_with_the_first_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        report(info);
        process::exit(PANICKED);
    }));
}
