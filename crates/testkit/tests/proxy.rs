//! The cutting proxy: what reaches the server, and what the process hears.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use testkit::TestResult;
use testkit::proxy::{Connections, Cut, Life, Points, Proxy, Trouble, Upstream, Weather};
use tokio::net::TcpListener;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);
/// For what must not come.
const MOMENT: Duration = Duration::from_millis(200);

/// A server that counts what it is asked, and its URL.
async fn server() -> anyhow::Result<(String, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            let answer = service_fn(move |_| {
                count.fetch_add(1, Ordering::SeqCst);
                async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("served")))) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    Ok((url, asked))
}

/// A Delete through the proxy, on a connection of its own.
async fn ask(proxy: &Proxy) -> anyhow::Result<Bytes> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let uri = format!("{}/gateways/g/targets/t", proxy.url());
    let request = Request::builder().method(Method::DELETE).uri(uri).body(Empty::new())?;
    Ok(client.request(request).await?.into_body().collect().await?.to_bytes())
}

async fn proxy(url: &str, points: &Arc<Points>, life: Life) -> anyhow::Result<Proxy> {
    Proxy::start(Upstream::plain(url)?, Arc::clone(points), life).await
}

/// The second Delete is cut: how many reach the server, and what the process hears.
async fn cut(cut: Cut, reach: usize, answered: Option<bool>) -> TestResult {
    let (url, asked) = server().await?;
    let points = Arc::<Points>::default();
    let first = proxy(&url, &points, points.next_life()).await?;
    points.count(Some(("DeleteGatewayTarget#2".parse()?, cut)));
    assert_eq!(ask(&first).await?, "served");
    assert!(!points.was_reached());
    let patience = if answered.is_some() { SOON } else { MOMENT };
    let heard = timeout(patience, ask(&first)).await.ok();
    assert_eq!(heard.map(|answer| answer.is_ok()), answered, "{cut}");
    assert_eq!(asked.load(Ordering::SeqCst), reach, "{cut}");
    assert!(points.was_reached());
    if matches!(cut, Cut::Before | Cut::After) {
        assert_eq!(ask(&first).await?, "served", "{cut}: the next one");
    } else {
        timeout(SOON, points.until_kill_is_due()).await?;
        assert!(timeout(MOMENT, ask(&first)).await.is_err(), "{cut}: it is dead");
        let second = proxy(&url, &points, points.next_life()).await?;
        points.is_over();
        assert!(timeout(MOMENT, ask(&first)).await.is_err(), "{cut}: it is still dead");
        assert_eq!(ask(&second).await?, "served", "{cut}: the next life");
    }
    assert_eq!(asked.load(Ordering::SeqCst), reach + 1, "{cut}");
    timeout(SOON, points.stop_counting()).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_cut_before_it_is_served_does_not_reach_the_server() -> TestResult {
    cut(Cut::Before, 1, Some(false)).await?;
    cut(Cut::DiesBefore, 1, None).await
}

#[tokio::test]
async fn what_is_cut_after_it_is_served_reaches_the_server() -> TestResult {
    cut(Cut::After, 2, Some(false)).await?;
    cut(Cut::DiesAfter, 2, None).await
}

#[tokio::test]
async fn who_dies_with_the_answer_has_heard_all_of_it() -> TestResult {
    cut(Cut::DiesAnswered, 2, Some(true)).await
}

#[tokio::test]
async fn connections_that_are_cut_or_silent_come_back() -> TestResult {
    let (url, asked) = server().await?;
    let weather = Arc::<Weather>::default();
    let proxy = Proxy::start_in(Upstream::plain(&url)?, Arc::clone(&weather)).await?;
    weather.connections(Connections::Cut);
    assert!(timeout(SOON, ask(&proxy)).await?.is_err());
    weather.connections(Connections::Silent);
    let silent = ask(&proxy);
    tokio::pin!(silent);
    assert!(timeout(MOMENT, &mut silent).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    weather.connections(Connections::Open);
    assert_eq!(timeout(SOON, silent).await??, "served", "what was sent comes through");
    Ok(())
}

#[tokio::test]
async fn trouble_befalls_whom_it_means() -> TestResult {
    let (url, asked) = server().await?;
    let weather = Arc::<Weather>::default();
    let proxy = Proxy::start_in(Upstream::plain(&url)?, Arc::clone(&weather)).await?;
    weather.trouble(Trouble::Lost, |parts| parts.method == Method::GET);
    assert_eq!(ask(&proxy).await?, "served", "a Delete is not meant");
    let status = http::StatusCode::CONFLICT;
    let refused = Trouble::Refused { status, reason: "Conflict", retry_after: None };
    let mut left = 1;
    weather.trouble(refused, move |_| std::mem::take(&mut left) == 1);
    let said: serde_json::Value = serde_json::from_slice(&ask(&proxy).await?)?;
    assert_eq!(said["code"], 409);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "it did not come through");
    weather.trouble(Trouble::Lost, |_| true);
    assert!(ask(&proxy).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 2, "it was carried out");
    weather.clear();
    assert_eq!(ask(&proxy).await?, "served");
    Ok(())
}
