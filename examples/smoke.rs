use codex::engine::{client::*, client_options::*, thread::*, turn::*};
use scripted_model::*;
fn main() {
    let model = ScriptedModel::start();
    model.queue(Response::text(["he", "llo"]));
    model.queue(Response::text(["again"]));
    let mut options = ClientOptions { codex_path: Some(std::env::var("CODEX_PATH").unwrap().into()), ..Default::default() };
    std::fs::create_dir_all("/work/main/target/smoke").unwrap();
    options.codex_home = Some("/work/main/target/smoke".into());
    for c in model.codex_config() { options.add_config(&c).unwrap(); }
    let t = std::time::Instant::now();
    let client = Client::connect(&options).unwrap();
    println!("{:?} {}", t.elapsed(), client.info().unwrap().as_str());
    let thread = Thread::start(&client, None).unwrap();
    println!("{:?} {}", t.elapsed(), thread.id().as_str());
    let (result, error) = run(&thread, Some("hi"), None).unwrap();
    println!("{:?} {} {:?}", t.elapsed(), result.unwrap().json().as_str(), error);
    let r = run_streamed(&thread, Some("hi"), None, |e| { println!("{:?} {}", e.kind(), String::from_utf8_lossy(e.method())); Flow::Continue }).unwrap();
    println!("{:?} {:?}", t.elapsed(), r.1);
    println!("{}", client.stats_json().unwrap());
    client.close(std::time::Duration::from_secs(5)).unwrap();
    println!("closed {:?}", t.elapsed());
}
