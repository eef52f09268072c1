use super::*;

/// A login that the runtime has named.
fn login(talk: &mut Talk, id: &str) -> LoginKey {
    talk.session.expect_login();
    talk.session.name_login(id)
}

fn completed(talk: &mut Talk, id: &str, error: Option<&str>) {
    let params = json!({"loginId": id, "success": error.is_none(), "error": error});
    talk.notify("account/login/completed", params);
}

fn reason(talk: &Talk, login: LoginKey) -> Option<String> {
    talk.session.login_ended(login).map(|end| end.map_or_else(|error| error.reason().to_owned(), |()| "ok".into()))
}

#[test]
fn a_login_ends_as_the_runtime_says() {
    let mut talk = Talk::new();
    let (good, bad) = (login(&mut talk, "a"), login(&mut talk, "b"));
    assert_eq!(reason(&talk, good), None);
    completed(&mut talk, "a", None);
    completed(&mut talk, "b", Some("Token exchange failed: no"));
    assert_eq!((reason(&talk, good).as_deref(), reason(&talk, bad).as_deref()), (Some("ok"), Some("loginFailed")));
    let error = talk.session.login_ended(bad).unwrap().unwrap_err();
    assert_eq!(error.status(), Status::Auth);
    assert!(error.message().ends_with("Token exchange failed: no"), "{error}");
}

#[test]
fn a_login_whose_place_another_one_took_was_cancelled() {
    for words in ["Login server error: Login cancelled", "Login was not completed"] {
        let mut talk = Talk::new();
        let (first, second) = (login(&mut talk, "a"), login(&mut talk, "b"));
        completed(&mut talk, "a", Some(words));
        assert_eq!((reason(&talk, first).as_deref(), reason(&talk, second)), (Some("loginCancelled"), None));
    }
}

#[test]
fn the_first_end_of_a_login_counts() {
    let mut talk = Talk::new();
    let login = login(&mut talk, "a");
    talk.session.login_cancelled(login);
    completed(&mut talk, "a", None);
    assert_eq!(reason(&talk, login).as_deref(), Some("loginCancelled"));
}

#[test]
fn an_end_before_the_login_is_named_is_kept() {
    let mut talk = Talk::new();
    talk.session.expect_login();
    completed(&mut talk, "a", None);
    let login = talk.session.name_login("a");
    assert_eq!(reason(&talk, login).as_deref(), Some("ok"));
    completed(&mut talk, "b", None);
    let unexpected = self::login(&mut talk, "b");
    assert_eq!(reason(&talk, unexpected), None);
}

#[test]
fn a_login_that_did_not_begin_leaves_nothing_behind() {
    let mut talk = Talk::new();
    talk.session.expect_login();
    completed(&mut talk, "a", None);
    talk.session.forget_login();
    let later = login(&mut talk, "a");
    assert_eq!(reason(&talk, later), None);
}

#[test]
fn the_end_of_the_connection_ends_a_login() {
    let mut talk = Talk::new();
    let open = login(&mut talk, "a");
    talk.session.lost(talk.now, Error::new(Status::Transport, "gone").with_reason("gone"));
    assert_eq!(reason(&talk, open).as_deref(), Some("gone"));
    let late = login(&mut talk, "b");
    assert_eq!(reason(&talk, late).as_deref(), Some("gone"), "also one that is named too late");
}

#[test]
fn the_end_of_a_login_is_an_event_of_the_client_too() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    let login = login(&mut talk, "a");
    talk.session.free_login(login);
    completed(&mut talk, "a", None);
    assert_eq!(talk.client_methods(), ["account/login/completed"]);
}

#[test]
fn ends_of_unknown_logins_are_bounded_and_the_newest_is_found() {
    for reason in ["short", &"long ".repeat(10_000)] {
        let mut talk = Talk::new();
        talk.session.expect_login();
        for number in 0..1000 {
            completed(&mut talk, &format!("login-{number}"), Some(reason));
        }
        let bytes = talk.session.logins.early_bytes();
        assert!(bytes <= 64 << 10, "{bytes} bytes are kept");
        let newest = talk.session.name_login("login-999");
        assert_eq!(self::reason(&talk, newest).as_deref(), Some("loginFailed"));
    }
}
