//! Who is logged in: by a key, in a browser, with a code on another device; and what the account may use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use codex::engine::account::Token;
use codex::engine::client::{Client, Timeout};
use codex::engine::connection::Deadline;
use codex::engine::error::{Error, Status};
use codex::engine::login::{Flow, Login};
use codex::engine::request::{Answer, Request, RequestKind};
use scripted_model::Response;
use serde_json::{Value, json};

use crate::support::follow::{PATIENCE, listen, method, parsed, run, soon, until_client};
use crate::support::issuer::{Issuer, Person, USED_PERCENT, USER_CODE, come_back_from, token};
use crate::support::real::{World, call, on_both_runtimes, thread_of};

on_both_runtimes! {
    an_api_key_logs_in_until_the_logout,
    the_model_is_asked_with_the_api_key,
    an_empty_api_key_is_refused_before_it_is_sent,
    the_model_is_asked_with_tokens_that_the_host_brings,
    who_brings_tokens_is_asked_for_fresh_ones,
    a_turn_fails_when_nobody_brings_fresh_tokens,
    a_logout_of_nobody_is_harmless,
    a_login_in_a_browser_ends_when_the_browser_comes_back,
    a_login_in_a_browser_can_be_cancelled,
    a_second_login_takes_the_place_of_the_first,
    a_login_that_the_server_refuses_fails,
    a_login_with_a_code_ends_when_the_person_agrees,
    a_login_with_a_code_can_be_cancelled,
    a_login_with_a_code_needs_the_server,
    a_logout_ends_a_login_that_is_under_way,
    a_login_ends_for_all_who_wait_for_it,
    a_login_outlives_the_handle_of_its_client,
    closing_the_client_ends_a_login,
    models_come_in_pages,
    rate_limits_are_an_event_and_a_call,
    who_has_logged_in_can_ask_how_much_is_used,
}

/// A client whose model provider wants a login.
fn client(world: &World) -> Client {
    world.client_with(|options| options.add_config("model_providers.mock.requires_openai_auth=true").expect("config"))
}

fn client_of(world: &World, issuer: &Issuer) -> Client {
    world.client_with(|options| issuer.serve(options))
}

fn account(client: &Client) -> Value {
    parsed(&client.account(Token::Kept).expect("the account"))["account"].clone()
}

/// Every runtime listens for the browser on the same port, so these tests take turns.
fn browser() -> MutexGuard<'static, ()> {
    static PORT: Mutex<()> = Mutex::new(());
    PORT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(client: &Client, flow: Flow) -> Login {
    Login::start(client, flow).expect("the login begins")
}

fn end(login: &Login) -> Result<(), Error> {
    login.wait(soon()).expect("the connection can be waited for").expect("the login ends in time")
}

fn goes_on(login: &Login) -> bool {
    login.wait(Deadline::Now).expect("the connection can be waited for").is_none()
}

fn reason(login: &Login) -> String {
    let error = end(login).expect_err("the login does not succeed");
    assert_eq!(error.status(), Status::Auth, "{error}");
    error.reason().to_owned()
}

fn an_api_key_logs_in_until_the_logout(world: &World) {
    let client = client(world);
    assert_eq!(account(&client), Value::Null);
    client.login_api_key("sk-test").unwrap();
    assert_eq!(account(&client)["type"], "apiKey");
    client.logout().unwrap();
    assert_eq!(account(&client), Value::Null);
}

fn the_model_is_asked_with_the_api_key(world: &World) {
    world.says([Response::text(["fine"])]);
    let client = client(world);
    client.login_api_key("sk-test").unwrap();
    run(&thread_of(&client, json!({})), "go").completed();
    assert_eq!(world.model.requests()[0].header("authorization"), Some("Bearer sk-test"));
}

fn an_empty_api_key_is_refused_before_it_is_sent(world: &World) {
    let client = client(world);
    assert_eq!(client.login_api_key("").unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(account(&client), Value::Null);
}

fn the_model_is_asked_with_tokens_that_the_host_brings(world: &World) {
    world.says([Response::text(["fine"])]);
    let client = client(world);
    let params = json!({"type": "chatgptAuthTokens", "accessToken": token(), "chatgptAccountId": "account"});
    assert_eq!(call(&client, "account/login/start", params)["type"], "chatgptAuthTokens");
    run(&thread_of(&client, json!({})), "go").completed();
    assert_eq!(world.model.requests()[0].header("authorization"), Some(&*format!("Bearer {}", token())));
}

/// A client whose host has brought tokens, and brings fresh ones like this.
fn client_with_tokens(world: &World, refresh: impl Fn(Request) + Send + Sync + 'static) -> Client {
    let client = world.client_with(|options| {
        options.add_config("model_providers.mock.requires_openai_auth=true").expect("config");
        options.request_handler = Some(Arc::new(refresh));
    });
    let params = json!({"type": "chatgptAuthTokens", "accessToken": token(), "chatgptAccountId": "account"});
    call(&client, "account/login/start", params);
    client
}

fn refuses_the_token(world: &World) {
    world.says([Response::http(401, json!({"error": {"message": "the token is too old"}}))]);
}

fn who_brings_tokens_is_asked_for_fresh_ones(world: &World) {
    refuses_the_token(world);
    world.says([Response::text(["fine"])]);
    let client = client_with_tokens(world, |request| {
        assert_eq!(request.kind(), RequestKind::AuthRefresh);
        assert_eq!(parsed(request.params().as_str())["reason"], "unauthorized");
        let fresh = json!({"accessToken": format!("{}2", token()), "chatgptAccountId": "account"});
        request.answer(&Answer::Result(fresh.to_string())).unwrap();
    });
    assert_eq!(run(&thread_of(&client, json!({})), "go").completed()["finalResponse"], "fine");
    let fresh = format!("Bearer {}2", token());
    assert_eq!(world.model.requests().last().unwrap().header("authorization"), Some(&*fresh));
}

fn a_turn_fails_when_nobody_brings_fresh_tokens(world: &World) {
    refuses_the_token(world);
    let (_, error) = run(&thread_of(&client_with_tokens(world, drop), json!({})), "go").not_completed();
    assert_eq!(error.status(), Status::TurnFailed);
    assert_eq!(error.message(), "auth refresh request failed: code=-32601");
}

fn a_logout_of_nobody_is_harmless(world: &World) {
    world.client().logout().unwrap();
}

fn a_login_in_a_browser_ends_when_the_browser_comes_back(world: &World) {
    let _port = browser();
    let issuer = Issuer::start(Person::Agrees);
    let client = client_of(world, &issuer);
    listen(&client);
    let login = start(&client, Flow::Browser);
    assert!(login.url().as_str().starts_with(&format!("{}/oauth/authorize?", issuer.url())), "{:?}", login.url());
    assert_eq!(login.user_code().as_str(), "");
    assert!(goes_on(&login));
    come_back_from(login.url().as_str());
    end(&login).unwrap();
    let told = until_client(&client, |event| method(event) == "account/login/completed");
    assert_eq!(parsed(told.json_str())["loginId"], login.id().as_str());
    let updated = until_client(&client, |event| method(event) == "account/updated");
    assert_eq!(parsed(updated.json_str())["planType"], "pro");
}

fn a_login_in_a_browser_can_be_cancelled(world: &World) {
    let _port = browser();
    let login = start(&world.client(), Flow::Browser);
    login.cancel().unwrap();
    assert_eq!(reason(&login), "loginCancelled");
    login.cancel().unwrap();
}

fn a_second_login_takes_the_place_of_the_first(world: &World) {
    let _port = browser();
    let issuer = Issuer::start(Person::Agrees);
    let client = client_of(world, &issuer);
    let first = start(&client, Flow::Browser);
    let second = start(&client, Flow::Browser);
    assert_ne!(first.id().as_str(), second.id().as_str());
    assert_eq!(reason(&first), "loginCancelled");
    assert!(goes_on(&second));
    come_back_from(second.url().as_str());
    end(&second).unwrap();
}

fn a_login_that_the_server_refuses_fails(world: &World) {
    let _port = browser();
    let issuer = Issuer::start(Person::IsRefused);
    let login = start(&client_of(world, &issuer), Flow::Browser);
    come_back_from(login.url().as_str());
    assert_eq!(reason(&login), "loginFailed");
}

fn a_login_with_a_code_ends_when_the_person_agrees(world: &World) {
    let issuer = Issuer::start(Person::Waits);
    let login = start(&client_of(world, &issuer), Flow::DeviceCode);
    assert_eq!((login.user_code().as_str(), login.id().as_str().is_empty()), (USER_CODE, false));
    assert!(login.url().as_str().starts_with(&issuer.url()), "{:?}", login.url());
    let briefly = Deadline::At(Instant::now() + std::time::Duration::from_millis(50));
    assert!(login.wait(briefly).unwrap().is_none());
    issuer.set(Person::Agrees);
    end(&login).unwrap();
    end(&login).unwrap();
}

fn a_login_with_a_code_can_be_cancelled(world: &World) {
    let issuer = Issuer::start(Person::Waits);
    let login = start(&client_of(world, &issuer), Flow::DeviceCode);
    login.cancel().unwrap();
    assert_eq!(reason(&login), "loginCancelled");
}

fn a_login_with_a_code_needs_the_server(world: &World) {
    let gone = Issuer::start(Person::Waits);
    let client = client_of(world, &gone);
    drop(gone);
    let error = Login::start(&client, Flow::DeviceCode).unwrap_err();
    assert_eq!((error.status(), error.reason()), (Status::Rpc, "internal"));
    assert!(error.message().contains("device code"), "{error}");
}

fn a_logout_ends_a_login_that_is_under_way(world: &World) {
    let issuer = Issuer::start(Person::Waits);
    let client = client_of(world, &issuer);
    let login = start(&client, Flow::DeviceCode);
    client.logout().unwrap();
    assert_eq!(reason(&login), "loginCancelled");
}

fn a_login_ends_for_all_who_wait_for_it(world: &World) {
    let issuer = Issuer::start(Person::Waits);
    let login = start(&client_of(world, &issuer), Flow::DeviceCode);
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| end(&login))).collect();
        issuer.set(Person::Agrees);
        waiting.into_iter().for_each(|waits| waits.join().expect("no panic").unwrap());
    });
}

fn a_login_outlives_the_handle_of_its_client(world: &World) {
    let issuer = Issuer::start(Person::Agrees);
    let client = client_of(world, &issuer);
    let login = start(&client, Flow::DeviceCode);
    drop(client);
    end(&login).unwrap();
}

fn closing_the_client_ends_a_login(world: &World) {
    let issuer = Issuer::start(Person::Waits);
    let client = client_of(world, &issuer);
    let login = start(&client, Flow::DeviceCode);
    client.close(PATIENCE).unwrap();
    assert_eq!(end(&login).unwrap_err().status(), Status::Closed);
    assert_eq!(login.cancel().unwrap_err().status(), Status::Closed);
}

fn models_come_in_pages(world: &World) {
    let client = world.client();
    let page = |params: Value| parsed(&client.models(Some(&params.to_string())).expect("models"));
    let ids = |page: &Value| {
        let models = page["data"].as_array().expect("models");
        models.iter().map(|model| model["id"].to_string()).collect::<Vec<_>>()
    };
    let all = page(json!({"includeHidden": true}));
    assert_eq!(all["nextCursor"], Value::Null);
    let mut paged = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let next = page(json!({"includeHidden": true, "limit": 2, "cursor": cursor}));
        assert!(ids(&next).len() <= 2);
        paged.extend(ids(&next));
        cursor = next["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(paged, ids(&all));
    assert!(paged.len() > 2, "{paged:?}");
}

fn rate_limits_are_an_event_and_a_call(world: &World) {
    world.says([Response::text(["fine"])]);
    let client = world.client();
    listen(&client);
    run(&thread_of(&client, json!({})), "go").completed();
    let told = until_client(&client, |event| method(event) == "account/rateLimits/updated");
    assert!(parsed(told.json_str())["rateLimits"].is_object());
    let refused = client.call("account/rateLimits/read", None, Timeout::Default).unwrap_err();
    assert_eq!((refused.status(), refused.reason()), (Status::Auth, "unauthorized"));
}

fn who_has_logged_in_can_ask_how_much_is_used(world: &World) {
    let issuer = Issuer::start(Person::Agrees);
    let client = client_of(world, &issuer);
    end(&start(&client, Flow::DeviceCode)).unwrap();
    let limits = call(&client, "account/rateLimits/read", json!({}))["rateLimits"].take();
    assert_eq!((&limits["primary"]["usedPercent"], &limits["planType"]), (&json!(USED_PERCENT), &json!("pro")));
}
