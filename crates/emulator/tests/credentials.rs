//! Who may call: issued credentials and their end, accounts, signatures.

mod client;

use std::time::Duration;

use aws_sdk_bedrockagentcorecontrol::Client;
use aws_sdk_bedrockagentcorecontrol::config::Credentials;
use aws_sdk_bedrockagentcorecontrol::error::ProvideErrorMetadata;
use aws_sdk_bedrockagentcorecontrol::types::AuthorizerType;
use client::config;
use emulator::{AccessKey, Account, CallKind, Emulator, Fault, FaultRule, Settings};

const ROLE: &str = "arn:aws:iam::210987654321:role/operator";

async fn client(emulator: &Emulator, credentials: Credentials) -> Client {
    Client::new(&config(emulator, "eu-central-1", credentials).await)
}

async fn get(emulator: &Emulator, credentials: Credentials) -> Result<(), Option<String>> {
    let client = client(emulator, credentials).await;
    let got = client.get_gateway().gateway_identifier("gw").send().await;
    got.map(|_| ()).map_err(|error| error.code().map(str::to_owned))
}

#[tokio::test]
async fn a_web_identity_is_worth_credentials_that_expire() {
    let mut settings = Settings::with_gateways(["other"]);
    let gateways = vec!["gw".to_owned()];
    settings.accounts =
        vec![Account { id: "210987654321".into(), gateways, access_keys: Vec::new() }];
    let emulator = Emulator::start(settings).await.unwrap();
    emulator.freeze();
    let sts =
        aws_sdk_sts::Client::new(&config(&emulator, "us-east-1", Credentials::for_tests()).await);
    let assume = || {
        sts.assume_role_with_web_identity()
            .role_arn(ROLE)
            .role_session_name("pod")
            .web_identity_token("a.projected.token")
            .send()
    };
    let assumed = assume().await.unwrap();
    let issued = assumed.credentials().unwrap();
    assert_eq!(issued.expiration().secs(), emulator.now().as_second() + 3600);
    let token = Some(issued.session_token().to_owned());
    let credentials =
        Credentials::new(issued.access_key_id(), issued.secret_access_key(), token, None, "issued");
    // The role's account sees its own gateway.
    assert_eq!(get(&emulator, credentials.clone()).await, Ok(()));
    let identity =
        aws_sdk_sts::Client::new(&config(&emulator, "us-east-1", credentials.clone()).await);
    let identity = identity.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some("arn:aws:sts::210987654321:assumed-role/operator/pod"));

    emulator.step(Duration::from_hours(1));
    let expired = get(&emulator, credentials).await;
    assert_eq!(expired, Err(Some("ExpiredTokenException".to_owned())));

    let outage =
        Fault::Error { code: "ServiceUnavailable".to_owned(), message: None, status: Some(503) };
    emulator.fault(FaultRule::next(CallKind::AssumeRoleWithWebIdentity, outage));
    assert_eq!(assume().await.unwrap_err().code(), Some("ServiceUnavailable"));
    emulator.change_settings(|settings| settings.issuing.role_arn = Some("another".to_owned()));
    assert_eq!(assume().await.unwrap_err().code(), Some("AccessDenied"));
}

#[tokio::test]
async fn secrets_are_verified_where_they_are_known() {
    let key = |id: &str, secret: Option<&str>| AccessKey {
        id: id.to_owned(),
        secret: secret.map(str::to_owned),
    };
    let access_keys = vec![key("AKIDKNOWN", Some("right")), key("AKIDFREE", None)];
    let mut settings = Settings::with_gateways(["gw"]);
    settings.accounts =
        vec![Account { id: settings.account.clone(), gateways: Vec::new(), access_keys }];
    settings.signatures.known_keys_only = true;
    let emulator = Emulator::start(settings).await.unwrap();
    let with = |key: &str, secret: &str| Credentials::new(key, secret, None, None, "test");
    for (key, secret, expected) in [
        ("AKIDKNOWN", "right", None),
        ("AKIDKNOWN", "wrong", Some("InvalidSignatureException")),
        ("AKIDFREE", "whatever", None),
        ("AKIDSTRANGE", "whatever", Some("UnrecognizedClientException")),
    ] {
        let result = get(&emulator, with(key, secret)).await;
        let expected = expected.map_or(Ok(()), |code| Err(Some(code.to_owned())));
        assert_eq!(result, expected, "{key} {secret}");
    }
    // A body, a query and a path with something to encode are part of it.
    let client = client(&emulator, with("AKIDKNOWN", "right")).await;
    let list = client.list_gateway_targets().gateway_identifier("gw").max_results(7).send().await;
    assert_eq!(list.unwrap().items().len(), 0);
    let odd = client.get_gateway().gateway_identifier("a b/ü").send().await.unwrap_err();
    assert_eq!(odd.code(), Some("ResourceNotFoundException"));

    emulator.change_settings(|settings| settings.signatures.region = Some("us-east-1".to_owned()));
    let elsewhere = get(&emulator, with("AKIDKNOWN", "right")).await;
    assert_eq!(elsewhere, Err(Some("InvalidSignatureException".to_owned())));
}

#[tokio::test]
async fn two_accounts_do_not_see_each_other() {
    let mut settings = Settings::with_gateways(["gw"]);
    let access_keys = vec![AccessKey { id: "AKIDOTHER".to_owned(), secret: None }];
    settings.accounts =
        vec![Account { id: "210987654321".into(), gateways: Vec::new(), access_keys }];
    let emulator = Emulator::start(settings).await.unwrap();
    let other = Credentials::new("AKIDOTHER", "x", None, None, "test");
    let hidden = get(&emulator, other.clone()).await;
    assert_eq!(hidden, Err(Some("ResourceNotFoundException".to_owned())));
    let client = client(&emulator, other).await;
    let made = client
        .create_gateway()
        .name("theirs")
        .role_arn("arn:aws:iam::210987654321:role/gateway")
        .authorizer_type(AuthorizerType::None)
        .send()
        .await
        .unwrap();
    assert!(made.gateway_arn.contains(":210987654321:gateway/theirs-"), "{}", made.gateway_arn);
}
