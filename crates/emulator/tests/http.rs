//! What no SDK would send or show: raw requests, headers, and the admin API.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

use emulator::{Emulator, Fault, FaultRule, Settings, TargetSpec};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A response, as far as the tests look at it.
struct Response {
    status: u16,
    head: String,
    text: String,
    body: Value,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// The smallest HTTP client: one request, one connection.
async fn send(emulator: &Emulator, request: &str, headers: &str, body: &str) -> Response {
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\
         {headers}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        text: body.to_owned(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

async fn admin(emulator: &Emulator, request: &str, body: &Value) -> Response {
    send(emulator, request, "", &body.to_string()).await
}

fn signed(service: &str) -> String {
    format!(
        "authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/{service}/\
         aws4_request, SignedHeaders=host, Signature=00\r\n"
    )
}

async fn start() -> Emulator {
    let emulator = Emulator::start(Settings::with_gateways(["gw"])).await.unwrap();
    emulator.freeze();
    emulator
}

#[tokio::test]
async fn unsigned_and_missigned_requests_are_refused() {
    let emulator = start().await;
    for (headers, code) in [
        (String::new(), "MissingAuthenticationTokenException"),
        ("authorization: Bearer x\r\n".to_owned(), "IncompleteSignatureException"),
        (signed("s3"), "InvalidSignatureException"),
    ] {
        let response = send(&emulator, "GET /gateways/gw/", &headers, "").await;
        assert_eq!(response.status, 403);
        assert_eq!(response.header("x-amzn-errortype"), Some(code));
        assert!(response.body["message"].is_string());
    }
}

#[tokio::test]
async fn every_answer_carries_the_clock_and_an_id() {
    let emulator = start().await;
    let date = emulator.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for request in ["GET /gateways/gw", "GET /gateways/other/", "GET /nowhere"] {
        let response = send(&emulator, request, &signed("bedrock-agentcore"), "").await;
        assert_eq!(response.header("date"), Some(date.as_str()), "{request}");
        assert_eq!(response.header("x-amzn-requestid").map(str::len), Some(36), "{request}");
    }
    emulator.step(std::time::Duration::from_hours(1));
    let later = emulator.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for request in ["GET /_emulator/health", "GET /_emulator/consent/x", "PUT /_emulator/faults"] {
        let response = send(&emulator, request, "", "").await;
        assert_eq!(response.header("date"), Some(later.as_str()), "{request}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_json_cannot_be_parsed() {
    let emulator = start().await;
    let headers = signed("bedrock-agentcore");
    for body in ["{", "[]", "7"] {
        let response = send(&emulator, "POST /gateways/gw/targets/", &headers, body).await;
        assert_eq!(response.status, 400, "{body}");
        assert_eq!(response.body["reason"], "CannotParse", "{body}");
    }
    let response = send(&emulator, "POST /gateways/gw/targets/", &headers, "").await;
    let fields: Vec<&Value> =
        response.body["fieldList"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    assert_eq!(fields, ["name", "targetConfiguration"]);
}

#[tokio::test]
async fn the_admin_api_does_what_the_handle_does() {
    let emulator = start().await;
    let planted = json!({
        "gateway": "gw",
        "spec": {
            "name": "theirs",
            "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://a.example"}}},
        },
    });
    let response = admin(&emulator, "POST /_emulator/targets", &planted).await;
    assert_eq!(response.status, 201);
    let id = response.body["targetId"].as_str().unwrap().to_owned();
    assert_eq!(admin(&emulator, "POST /_emulator/targets", &planted).await.status, 409);

    let path = format!("/_emulator/targets/gw/{id}");
    let change =
        json!({"spec": {"description": "new"}, "status": "FAILED", "statusReasons": ["no"]});
    let patched = admin(&emulator, &format!("PATCH {path}"), &change).await;
    assert_eq!(patched.body["status"], "FAILED");
    let all = admin(&emulator, "GET /_emulator/targets?gateway=gw", &Value::Null).await;
    assert_eq!(all.body["items"], json!([patched.body]));
    assert_eq!(admin(&emulator, &format!("DELETE {path}"), &Value::Null).await.status, 200);
    assert_eq!(admin(&emulator, &format!("DELETE {path}"), &Value::Null).await.status, 404);

    let rule = json!({"kind": "GetGateway", "times": 1,
                      "fault": {"error": {"code": "InternalServerException"}}});
    assert_eq!(admin(&emulator, "POST /_emulator/faults", &rule).await.status, 201);
    let headers = signed("bedrock-agentcore");
    let struck = send(&emulator, "GET /gateways/gw", &headers, "").await;
    assert_eq!(struck.status, 500);
    assert_eq!(send(&emulator, "GET /gateways/gw", &headers, "").await.status, 200);
    let faults = admin(&emulator, "GET /_emulator/faults", &Value::Null).await;
    assert_eq!(faults.body["items"][0]["acted"], 1);

    let calls =
        admin(&emulator, "GET /_emulator/calls?since=1&kind=GetGateway", &Value::Null).await;
    assert_eq!(calls.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        calls.body["items"][0]["outcome"],
        json!({"answered": {"status": 200, "error": null}})
    );
    assert_eq!(calls.body["counters"]["GetGateway"], 2);

    let before = emulator.now();
    let clock = admin(&emulator, "POST /_emulator/clock", &json!({"step": "90s"})).await;
    assert_eq!(clock.body["frozen"], true);
    assert_eq!(emulator.now().duration_since(before).as_secs(), 90);
    admin(&emulator, "POST /_emulator/clock", &json!({"resume": {}})).await;
    let clock = admin(&emulator, "GET /_emulator/clock", &Value::Null).await;
    assert_eq!(clock.body["frozen"], false);

    assert_eq!(
        admin(&emulator, "POST /_emulator/gateways", &json!({"id": "two"})).await.status,
        201
    );
    assert_eq!(emulator.gateways(), ["gw", "two"]);
    assert_eq!(admin(&emulator, "DELETE /_emulator/gateways/two", &Value::Null).await.status, 200);
}

#[tokio::test]
async fn the_admin_api_says_what_is_wrong_and_where() {
    let emulator = start().await;
    let typo = "{\n  \"kind\": \"GetGateway\",\n  \"falt\": \"cutAfterCommit\"\n}";
    let response = send(&emulator, "POST /_emulator/faults", "", typo).await;
    assert_eq!(response.status, 400);
    let message = response.body["error"].as_str().unwrap();
    assert!(message.contains("falt") && message.contains("line 3"), "{message}");
    let lacking = "{\n  \"kind\": \"GetGateway\",\n  \"times\": 1\n}";
    let response = send(&emulator, "POST /_emulator/faults", "", lacking).await;
    assert_eq!(response.body["error"], "line 1 column 1: missing field `fault`");
    for nothing in ["", " ", "null"] {
        for rules in ["faults", "outcomes"] {
            let request = format!("POST /_emulator/{rules}");
            assert_eq!(send(&emulator, &request, "", nothing).await.status, 400, "{nothing:?}");
        }
    }
    assert!(emulator.faults().is_empty() && emulator.outcomes().is_empty());
    let nowhere = admin(&emulator, "GET /_emulator/nowhere", &Value::Null).await;
    assert_eq!(nowhere.status, 404);
}

#[tokio::test]
async fn settings_that_cannot_stand_together_start_nothing() {
    let error = Emulator::start(Settings::with_gateways(["gw", "gw"])).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().starts_with("gateways[1]: "), "{error}");
}

#[tokio::test]
async fn settings_change_at_run_time_section_by_section() {
    let emulator = start().await;
    let change = json!({"variants": {"updateOfFailed": "refused"}, "latency": "1ms"});
    let answer = admin(&emulator, "PATCH /_emulator/settings", &change).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["variants"]["updateOfFailed"], "refused");
    assert_eq!(answer.body["durations"]["creating"], "2s");
    let got = admin(&emulator, "GET /_emulator/settings", &Value::Null).await;
    assert_eq!(got.body, answer.body);

    let late = admin(&emulator, "PATCH /_emulator/settings", &json!({"seed": 1})).await;
    assert_eq!(
        (late.status, &late.body["error"]),
        (400, &json!("seed: can be set at the start only"))
    );
    let wrong = "{\n  \"durations\": {\n    \"creating\": \"soon\"\n  }\n}";
    let wrong = send(&emulator, "PATCH /_emulator/settings", "", wrong).await;
    assert!(wrong.body["error"].as_str().unwrap().contains("line 3"), "{}", wrong.body);

    let key = r#"{"id": "AKID"}"#;
    let twice = format!(
        "{{\"accounts\": [\n{{\"id\": \"111111111111\", \"accessKeys\": [{key}]}},\n\
         {{\"id\": \"222222222222\", \"accessKeys\": [{key}]}}\n]}}"
    );
    let twice = send(&emulator, "PATCH /_emulator/settings", "", &twice).await;
    assert_eq!(
        (twice.status, &twice.body["error"]),
        (
            400,
            &json!(
                "line 3 column 46: access key \"AKID\" is already account 111111111111's (line 2 \
                 column 46): give it once"
            )
        )
    );
    assert!(emulator.settings().accounts.is_empty(), "what is refused changes nothing");

    let rule = json!({"transition": "CREATING", "times": 1});
    assert_eq!(admin(&emulator, "POST /_emulator/outcomes", &rule).await.status, 201);
    assert_eq!(emulator.outcomes().len(), 1);
    admin(&emulator, "DELETE /_emulator/outcomes", &Value::Null).await;
    assert!(emulator.outcomes().is_empty());
}

#[tokio::test]
async fn an_authorization_url_works_in_a_browser() {
    let emulator = start().await;
    let spec = json!({
        "name": "a",
        "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://a.example"}}},
    });
    let planted = json!({"gateway": "gw", "spec": spec});
    let planted = admin(&emulator, "POST /_emulator/targets", &planted).await;
    let path = format!("/_emulator/targets/gw/{}", planted.body["targetId"].as_str().unwrap());
    let pending = json!({"status": "UPDATE_PENDING_AUTH"});
    for (query, page, status) in
        [("", "complete", "READY"), ("?error=access_denied", "denied", "UPDATE_UNSUCCESSFUL")]
    {
        let pending = admin(&emulator, &format!("PATCH {path}"), &pending).await;
        let url = &pending.body["authorizationData"]["oauth2"]["authorizationUrl"];
        let url = url.as_str().unwrap().strip_prefix(emulator.url()).unwrap();
        let answer = send(&emulator, &format!("GET {url}{query}"), "", "").await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains(page), "{}", answer.text);
        assert_eq!(emulator.target("gw", "a").unwrap().status.as_str(), status);
        assert_eq!(send(&emulator, &format!("GET {url}"), "", "").await.status, 410);
    }
}

#[tokio::test]
async fn a_container_gets_its_credentials() {
    let emulator = start().await;
    emulator.change_settings(|settings| {
        settings.issuing.container_token = Some("projected".to_owned());
    });
    let refused = send(&emulator, "GET /v1/credentials", "", "").await;
    assert_eq!(refused.status, 403);
    let headers = "authorization: projected\r\n";
    let issued = send(&emulator, "GET /v1/credentials", headers, "").await;
    let expected = ["AccessKeyId", "AccountId", "Expiration", "SecretAccessKey", "Token"];
    assert_eq!(issued.body.as_object().unwrap().keys().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn half_of_an_answer_is_half_however_long_it_is() {
    let emulator = start().await;
    for (targets, floor) in [(1, 100), (1000, 100_000)] {
        for n in emulator.targets("gw").len()..targets {
            let spec = TargetSpec::mcp_server(&format!("t{n}"), "https://a.example");
            emulator.plant_target("gw", spec).unwrap();
        }
        emulator.fault(FaultRule::always(Fault::HalfAnswer).times(1));
        let list = "GET /gateways/gw/targets/?maxResults=1000";
        let half = send(&emulator, list, &signed("bedrock-agentcore"), "").await;
        let whole: usize = half.header("content-length").unwrap().parse().unwrap();
        assert!(whole > floor, "{whole}");
        assert_eq!(half.text.len(), whole / 2);
    }
}

#[tokio::test]
async fn every_refusal_of_the_admin_api_is_json() {
    let emulator = start().await;
    for (request, status) in [
        ("GET /_emulator/calls?since=abc", 400),
        ("GET /_emulator/calls?kind=Nope", 400),
        ("GET /_emulator/calls?sinc=1", 400),
        ("GET /_emulator/targets?gatway=gw", 400),
        ("DELETE /_emulator/gateways/%ff", 400),
        ("GET /_emulator/", 404),
        ("PUT /_emulator/calls", 405),
        ("PATCH /_emulator/faults", 405),
    ] {
        let answer = admin(&emulator, request, &Value::Null).await;
        assert_eq!(answer.status, status, "{request}");
        assert!(answer.body["error"].is_string(), "{request}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_body_without_measure_is_refused_in_the_words_of_its_api() {
    let emulator = start().await;
    for request in ["POST /gateways/gw/targets", "POST /_emulator/faults"] {
        let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
        let head = format!(
            "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 9999999\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 413"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert!(body["message"].is_string() || body["error"].is_string(), "{body}");
        if request.starts_with("POST /gateways") {
            assert!(head.contains("x-amzn-errortype: RequestEntityTooLargeException"), "{head}");
        }
    }
}

#[tokio::test]
async fn rules_and_gateways_that_cannot_be_meant_are_refused() {
    let emulator = start().await;
    for (path, body, word) in [
        ("faults", json!({"fault": {"error": {"code": "X", "staus": 500}}}), "staus"),
        ("faults", json!({"fault": {"error": {"code": "X", "status": 101}}}), "101"),
        ("faults", json!({"fault": {"error": {"code": "X", "status": 9999}}}), "9999"),
        ("faults", json!({"fault": {"error": {"code": "X\r\ny"}}}), "code"),
        ("faults", json!({"fault": "halfAnswer", "times": 0}), "never acts"),
        ("faults", json!({"fault": "halfAnswer", "kind": "ListGateways", "name": "a"}), "`name`"),
        ("outcomes", json!({"times": 0}), "never acts"),
        ("gateways", json!({"id": ""}), "ID"),
        ("gateways", json!({"id": "a/b"}), "ID"),
        ("gateways", json!({"id": "a", "account": "me"}), "digits"),
    ] {
        let answer = admin(&emulator, &format!("POST /_emulator/{path}"), &body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body["error"].as_str().unwrap().contains(word), "{body}: {}", answer.text);
    }
    let rule = json!({"fault": {"error": {"code": "X", "status": 503}}});
    assert_eq!(admin(&emulator, "POST /_emulator/faults", &rule).await.status, 201);
}

#[tokio::test]
async fn rules_in_the_settings_replace_those_in_force() {
    let emulator = start().await;
    let change = json!({
        "faults": [{"kind": "GetGateway", "fault": "credentialsRefused"}],
        "outcomes": [{"transition": "CREATING"}],
    });
    for _ in 0..2 {
        admin(&emulator, "PATCH /_emulator/settings", &change).await;
        assert_eq!((emulator.faults().len(), emulator.outcomes().len()), (1, 1));
        emulator.clear_faults();
        emulator.clear_outcomes();
    }
    emulator.fault(FaultRule::always(Fault::HalfAnswer));
    let shown = admin(&emulator, "PATCH /_emulator/settings", &json!({"latency": "0s"})).await;
    assert_eq!(emulator.faults().len(), 1, "a section that is absent stays as it is");
    assert_eq!(shown.body["faults"][0]["fault"], "halfAnswer", "shown is what is in force");
    assert_eq!(shown.body["outcomes"], json!([]));
    admin(&emulator, "PATCH /_emulator/settings", &json!({"faults": []})).await;
    assert!(emulator.faults().is_empty());
}

#[tokio::test]
async fn what_is_for_the_start_is_refused_later() {
    let emulator = start().await;
    let account = json!({"accounts": [{"id": "210987654321", "gateways": ["theirs"]}]});
    let answer = admin(&emulator, "PATCH /_emulator/settings", &account).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body["error"].as_str().unwrap().starts_with("accounts.gateways"));
    let moved = json!({"clock": {"offset": "5h"}});
    let answer = admin(&emulator, "PATCH /_emulator/settings", &moved).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body["error"].as_str().unwrap().starts_with("clock.offset"));
    let skewed = json!({"clock": {"dateHeader": "5h"}});
    assert_eq!(admin(&emulator, "PATCH /_emulator/settings", &skewed).await.status, 200);
}

#[tokio::test]
async fn a_typo_in_a_target_behind_the_back_is_refused() {
    let emulator = start().await;
    let server = json!({"mcp": {"mcpServer": {"endpoint": "https://a.example"}}});
    let spec = json!({"name": "a", "descripton": "x", "targetConfiguration": server});
    let planted = json!({"gateway": "gw", "spec": spec});
    let answer = admin(&emulator, "POST /_emulator/targets", &planted).await;
    assert_eq!((answer.status, emulator.targets("gw").len()), (400, 0));
    assert!(answer.body["error"].as_str().unwrap().contains("descripton"), "{}", answer.text);

    let id = emulator.plant_target("gw", TargetSpec::mcp_server("a", "https://a.example")).unwrap();
    let patch = json!({"spec": {"descripton": "x"}});
    let answer = admin(&emulator, &format!("PATCH /_emulator/targets/gw/{id}"), &patch).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body["error"].as_str().unwrap().contains("descripton"), "{}", answer.text);
}

#[tokio::test]
async fn an_answer_has_its_measure_however_much_is_wrong() {
    let emulator = start().await;
    let tools = json!({"inlinePayload": vec![1; 100_000]});
    let lambda = json!({"lambdaArn": "x", "toolSchema": tools});
    let body = json!({"name": "a", "targetConfiguration": {"mcp": {"lambda": lambda}}}).to_string();
    let headers = signed("bedrock-agentcore");
    let answer = send(&emulator, "POST /gateways/gw/targets", &headers, &body).await;
    assert_eq!(answer.body["fieldList"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn half_a_body_does_not_keep_it_from_stopping() {
    let emulator = start().await;
    let mut half = TcpStream::connect(emulator.address()).await.unwrap();
    let request = b"POST /gateways HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{";
    half.write_all(request).await.unwrap();
    // By the answer on a second connection the first has been accepted.
    admin(&emulator, "GET /_emulator/health", &Value::Null).await;
    emulator.stop().await.unwrap();
}

/// Time is paused: what is waited for passes at once.
#[tokio::test(start_paused = true)]
async fn half_a_head_keeps_it_from_stopping_for_a_while_only() {
    let emulator = start().await;
    let mut half = TcpStream::connect(emulator.address()).await.unwrap();
    half.write_all(b"POST /gateways HT").await.unwrap();
    admin(&emulator, "GET /_emulator/health", &Value::Null).await;
    emulator.stop().await.unwrap();
}

#[tokio::test]
async fn on_every_address_it_is_reached_at_one() {
    for (listen, reached) in [("0.0.0.0:0", "http://127.0.0.1:"), ("127.0.0.1:0", "http://127.")] {
        let emulator =
            Emulator::listen(Settings::default(), listen.parse().unwrap()).await.unwrap();
        assert!(emulator.url().starts_with(reached), "{listen}: {}", emulator.url());
        assert_eq!(admin(&emulator, "GET /_emulator/health", &Value::Null).await.status, 200);
    }
}
