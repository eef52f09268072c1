use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use scripted_model::Response;

use crate::stage::{live, output, start};

/// A picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[test]
fn image_shows_the_agent_what_comes_through_a_pipe() {
    live([Response::text(["A dot."])], |world| {
        let mut image = start("image", &["What is it?"], world);
        let mut pipe = image.stdin.take().expect("a pipe");
        pipe.write_all(&BASE64.decode(PIXEL).expect("base64")).expect("the example reads");
        drop(pipe);
        assert_eq!(output(image), "A dot.\n");
        let request = &world.model.requests()[0];
        assert_eq!(request.image_urls(), [format!("data:image/png;base64,{PIXEL}")]);
        assert!(request.last_user_text().starts_with("What is it?"), "{}", request.last_user_text());
    });
}
