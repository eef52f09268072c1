//! What a turn is given: text, images, skills, the output of a tool of the host.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use codex::engine::error::Status;
use codex::engine::params::Params;
use codex::engine::turn::{self, Turn};
use scripted_model::{Request, Response};
use serde_json::json;

use crate::support::follow::{end, items};
use crate::support::real::{World, on_both_runtimes};

on_both_runtimes! {
    an_image_as_a_data_url_reaches_the_model_unchanged,
    an_image_as_bytes_reaches_the_model,
    an_image_in_a_file_reaches_the_model,
    a_remote_image_is_refused_with_a_reason,
    text_and_items_arrive_in_their_order,
    any_text_arrives_as_it_is,
    a_skill_is_given_to_the_model,
    a_mention_is_part_of_the_message,
    a_message_from_outside_is_the_output_of_a_tool,
    a_message_from_outside_may_have_texts_and_images,
    a_message_from_outside_cannot_be_steered_into_a_turn,
    the_id_of_the_hosts_message_comes_back,
}

/// A picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn pixel() -> Vec<u8> {
    BASE64.decode(PIXEL).expect("base64")
}

fn pixel_url() -> String {
    format!("data:image/png;base64,{PIXEL}")
}

/// Runs a turn with what `fill` adds to its parameters, and gives the request that the model got.
fn sent(world: &World, fill: impl FnOnce(&mut Params)) -> Request {
    let mut params = Params::new();
    fill(&mut params);
    world.says([Response::text(["I see."])]);
    let (_, error) = turn::run(&world.thread(), None, Some(&params.json())).unwrap();
    assert!(error.is_none(), "{error:?}");
    world.model.requests().remove(0)
}

fn an_image_as_a_data_url_reaches_the_model_unchanged(world: &World) {
    let request = sent(world, |params| {
        params.add_text("look").unwrap();
        params.add_image_url(&pixel_url()).unwrap();
    });
    assert_eq!(request.image_urls(), [pixel_url()]);
}

fn an_image_as_bytes_reaches_the_model(world: &World) {
    let request = sent(world, |params| params.add_image_bytes(&pixel(), "image/png").unwrap());
    assert_eq!(request.image_urls(), [pixel_url()]);
}

fn an_image_in_a_file_reaches_the_model(world: &World) {
    let file = world.work().join("pixel.png");
    fs::write(&file, pixel()).unwrap();
    let request = sent(world, |params| params.add_image_file(file.to_str().unwrap()).unwrap());
    assert_eq!(request.image_urls(), [pixel_url()]);
}

fn a_remote_image_is_refused_with_a_reason(world: &World) {
    let params = json!({"input": [{"type": "image", "url": "https://example.com/a.png"}]}).to_string();
    let error = Turn::start(&world.thread(), Some("look"), Some(&params)).unwrap_err();
    assert_eq!(error.reason(), "remoteImageUnsupported");
}

fn text_and_items_arrive_in_their_order(world: &World) {
    world.says([Response::text(["I see."])]);
    let mut params = Params::new();
    params.add_image_url(&pixel_url()).unwrap();
    params.add_text("and this").unwrap();
    let turn = Turn::start(&world.thread(), Some("first this"), Some(&params.json())).unwrap();
    let result = end(&turn).completed();
    let content = items(&result, "userMessage")[0]["content"].as_array().unwrap();
    let kinds: Vec<_> = content.iter().map(|item| item["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds, ["text", "image", "text"]);
    assert_eq!((&content[0]["text"], &content[2]["text"]), (&json!("first this"), &json!("and this")));
}

fn any_text_arrives_as_it_is(world: &World) {
    let text = "\"quoted\" \\ back\u{0}slash\r\n\ttab é 😀 \u{2028}";
    let request = sent(world, |params| params.add_text(text).unwrap());
    assert_eq!(request.last_user_text(), text);
}

fn a_skill_is_given_to_the_model(world: &World) {
    let directory = world.codex_home().join("skills/demo");
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join("SKILL.md");
    fs::write(&file, "---\nname: demo\ndescription: Shows how.\n---\n\nAlways whistle.\n").unwrap();
    let request = sent(world, |params| {
        params.add_text("use $demo").unwrap();
        params.add_skill("demo", file.to_str().unwrap()).unwrap();
    });
    let texts = request.user_texts().concat();
    assert!(texts.contains("<name>demo</name>") && texts.contains("Always whistle."), "{texts}");
}

fn a_message_from_outside_is_the_output_of_a_tool(world: &World) {
    let request =
        sent(world, |params| params.set_external_message("notifications", Some("mail"), "You have mail.").unwrap());
    assert!(request.function_outputs().iter().any(|output| output.text() == "You have mail."), "{:?}", request.input());
}

fn a_message_from_outside_may_have_texts_and_images(world: &World) {
    let content = json!([{"type": "input_text", "text": "a map"}, {"type": "input_image", "image_url": pixel_url()}]);
    let message = json!({"name": "notifications", "namespace": "mail", "output": content});
    let request = sent(world, |params| params.set_json("toolOutput", &message.to_string()).unwrap());
    let outputs = request.function_outputs();
    assert_eq!(
        (&outputs[0].output[0]["text"], &outputs[0].output[1]["type"]),
        (&json!("a map"), &json!("input_image"))
    );
}

fn a_message_from_outside_cannot_be_steered_into_a_turn(world: &World) {
    world.says([Response::text(["fine"]).gate("middle")]);
    let turn = Turn::start(&world.thread(), Some("hello"), None).unwrap();
    let mut message = Params::new();
    message.set_external_message("notifications", None, "You have mail.").unwrap();
    let error = turn.steer(None, Some(&message.json())).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("toolOutput"), "{error}");
    world.model.gate("middle").release();
    assert_eq!(items(&end(&turn).completed(), "userMessage").len(), 1);
}

fn a_mention_is_part_of_the_message(world: &World) {
    let mut params = Params::new();
    params.add_text("ask $calendar").unwrap();
    params.add_mention("calendar", "app://calendar").unwrap();
    world.says([Response::text(["I see."])]);
    let result = end(&Turn::start(&world.thread(), None, Some(&params.json())).unwrap()).completed();
    let mention = json!({"type": "mention", "name": "calendar", "path": "app://calendar"});
    assert_eq!(items(&result, "userMessage")[0]["content"][1], mention);
}

fn the_id_of_the_hosts_message_comes_back(world: &World) {
    world.says([Response::text(["I see."])]);
    let turn = Turn::start(&world.thread(), Some("hello"), Some(r#"{"clientUserMessageId":"mine-1"}"#)).unwrap();
    assert_eq!(items(&end(&turn).completed(), "userMessage")[0]["clientId"], "mine-1");
}
