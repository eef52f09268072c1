//! Many notifications, as fast as the pipe takes them.

use std::thread;
use std::time::Duration;

use fake_runtime::{Flood, PerWrite};

use crate::context::{Context, Now};
use crate::line::Line;
use crate::output::Delivery;
use crate::stage::{Course, Stage};
use crate::turn::{DELTA, DeltaParams};
use crate::world::World;

const CHUNK: usize = 256 * 1024;

/// Writes the flood. It ends early when its turn ends or when nobody reads any more.
pub(crate) fn play(world: &World, context: &Context, flood: &Flood) {
    let line = line(&world.stage(), context, flood);
    let mut chunks = Chunks::new(&line, flood);
    let pause = Duration::from_micros(flood.pause_us);
    while let Some(chunk) = chunks.next() {
        let mut stage = world.stage_after_others();
        let course = stage.course_of(&context.thread_id, &context.turn_id);
        if course == Course::Ended || stage.out.write(chunk) == Delivery::Gone {
            return;
        }
        drop(stage);
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }
}

fn line(stage: &Stage, context: &Context, flood: &Flood) -> Line {
    let method = flood.method.as_deref().unwrap_or(DELTA);
    if let Some(params) = &flood.params {
        return Line::of(method, context.fill(params, Now::Keep));
    }
    let turn = stage.open_turn(&context.turn_id);
    let params = DeltaParams {
        thread_id: &context.thread_id,
        turn_id: &context.turn_id,
        item_id: turn.map_or("msg_1_0", |turn| &turn.item_id),
        delta: &context.fill_text(&text(flood), Now::Keep),
    };
    Line::of(method, params)
}

fn text(flood: &Flood) -> String {
    let default = if flood.text_bytes == 0 { "tok " } else { "" };
    let text = flood.text.as_deref().unwrap_or(default);
    let padding = flood.text_bytes.saturating_sub(text.len());
    format!("{text}{}", "x".repeat(padding))
}

/// The writes of a flood.
struct Chunks<'a> {
    line: &'a Line,
    lines_per_chunk: u64,
    left: u64,
    buffer: Vec<u8>,
}

impl<'a> Chunks<'a> {
    fn new(line: &'a Line, flood: &Flood) -> Self {
        let mut buffer = Vec::new();
        line.render(&mut buffer);
        let lines_per_chunk = match flood.per_write {
            PerWrite::Message => 1,
            PerWrite::Buffered => (CHUNK / buffer.len()).max(1) as u64,
        };
        if let Some(fixed) = line.fixed() {
            buffer = fixed.repeat(lines_per_chunk as usize);
        }
        Self { line, lines_per_chunk, left: flood.count, buffer }
    }

    fn next(&mut self) -> Option<&[u8]> {
        let lines = self.left.min(self.lines_per_chunk);
        if lines == 0 {
            return None;
        }
        self.left -= lines;
        if let Some(fixed) = self.line.fixed() {
            return Some(&self.buffer[..fixed.len() * lines as usize]);
        }
        self.buffer.clear();
        for _ in 0..lines {
            self.line.render(&mut self.buffer);
        }
        Some(&self.buffer)
    }
}
