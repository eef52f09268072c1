//! The scripted model as a program, for tests in other languages and for the demo.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use scripted_model::{Response, ScriptedModel, demo, parse_responses};

const USAGE: &str = "usage: scripted-model [--script FILE.json] [--demo]";

fn main() -> ExitCode {
    match run(env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("scripted-model: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let model = ScriptedModel::start();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--demo" => model.answer_with(demo),
            "--script" => {
                let path = arguments.next().ok_or(USAGE)?;
                read_script(&path)?.into_iter().for_each(|response| model.queue(response));
            }
            _ => return Err(format!("{argument:?} is not an argument.\n{USAGE}")),
        }
    }
    announce(&model).map_err(|error| format!("The address could not be written to stdout: {error}"))?;
    wait_for_the_end_of_stdin().map_err(|error| format!("Stdin could not be read: {error}"))
}

fn read_script(path: &str) -> Result<Vec<Response>, String> {
    let script = fs::read(path).map_err(|error| format!("The script {path} could not be read: {error}"))?;
    parse_responses(&script).map_err(|error| format!("The script {path} is not usable: {error}"))
}

fn announce(model: &ScriptedModel) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", model.url())?;
    stdout.flush()
}

fn wait_for_the_end_of_stdin() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}
