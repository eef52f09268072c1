//! Deltas at a steady rate.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use fake_runtime::{Pace, Turns};

use crate::context::Context;
use crate::line::Line;
use crate::output::Delivery;
use crate::stage::{OpenTurn, Stage};
use crate::turn::DELTA;
use crate::world::World;

const TIME_AND_SPACE: &str = "$nowUs ";

/// Sends the deltas. A moment without an open turn passes in silence.
pub(crate) fn play(world: &World, context: &Context, pace: &Pace) {
    let total = (f64::from(pace.events_per_second) * pace.seconds) as u64;
    let mut round = Round::default();
    let begin = Instant::now();
    for event in 0..total {
        sleep_until(begin + due(event, pace.events_per_second));
        let mut stage = world.stage_after_others();
        if round.send_next(&mut stage, context, pace.turns) == Delivery::Gone {
            return;
        }
    }
}

fn due(event: u64, per_second: u32) -> Duration {
    let per_second = u64::from(per_second);
    let whole = Duration::from_secs(event / per_second);
    whole + Duration::from_nanos((event % per_second) * 1_000_000_000 / per_second)
}

fn sleep_until(moment: Instant) {
    let left = moment.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        thread::sleep(left);
    }
}

/// The way around the open turns.
#[derive(Default)]
struct Round {
    place: usize,
    lines: HashMap<String, Line>,
    buffer: Vec<u8>,
}

impl Round {
    fn send_next(&mut self, stage: &mut Stage, context: &Context, turns: Turns) -> Delivery {
        let Some(turn) = self.next_turn(stage, context, turns) else {
            return Delivery::Sent;
        };
        if !self.lines.contains_key(&turn.turn_id) {
            let line = Line::of(DELTA, turn.delta_params(TIME_AND_SPACE));
            self.lines.insert(turn.turn_id.clone(), line);
        }
        self.buffer.clear();
        self.lines[&turn.turn_id].render(&mut self.buffer);
        stage.out.write(&self.buffer)
    }

    fn next_turn<'a>(&mut self, stage: &'a Stage, context: &Context, turns: Turns) -> Option<&'a OpenTurn> {
        match turns {
            Turns::This => stage.open_turn(&context.turn_id),
            Turns::All => {
                self.place += 1;
                let count = stage.open.len().max(1);
                stage.open.get((self.place - 1) % count)
            }
        }
    }
}
