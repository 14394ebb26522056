//! The metrics server.
//!
//! Contract: where it is secure, nothing is answered but to who may get that very path, so that a
//! stranger does not even learn which paths there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agentcore::AgentCore;
use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use kube::Client;
use metrics::Page;
use tokio::net::TcpListener;
use tracing::{info, warn};

use super::access::{Access, Verdict};
use super::bind;
use super::certificate::{Certificate, tls};
use super::connections::{self, Protocol};
use crate::debug;
use crate::pass::Operator;
use crate::settings::{self, Mounted};

/// Bound to its address, and ready to answer.
pub(crate) struct MetricsServer {
    listener: TcpListener,
    protocol: Protocol,
    follows: Option<(Arc<Certificate>, Mounted)>,
    router: Router,
}

impl MetricsServer {
    pub(crate) async fn new<A: AgentCore>(
        settings: &settings::Metrics,
        client: Client,
        operator: &Arc<Operator<A>>,
    ) -> Result<Self> {
        let address = settings.address;
        let listener = bind(address)
            .await
            .with_context(|| format!("--metrics-bind-address {address} cannot be used"))?;
        let page = Arc::new(operator.metrics.page(Arc::clone(operator)));
        let mut router = Router::new().route("/metrics", get(show)).with_state(page);
        let (mut protocol, mut follows) = (Protocol::Plain, None);
        if let Some(security) = &settings.security {
            let (tls, certificate) = tls(security)?;
            protocol = if security.http2 { Protocol::TlsOfBoth(tls) } else { Protocol::Tls(tls) };
            follows = security.mounted.clone().map(|mounted| (certificate, mounted));
            // Not to everybody: it names resources and targets.
            let operator = Arc::clone(operator);
            router = router.route("/debug/state", get(move || state(operator)));
            let door = Door { access: Access::new(client), is_stuck: AtomicBool::new(false) };
            router = router.layer(from_fn_with_state(Arc::new(door), let_in));
        }
        let secure = settings.security.is_some();
        info!(address = %listener.local_addr()?, secure, "metrics are shown");
        Ok(Self { listener, protocol, follows, router })
    }

    /// Answers for ever.
    pub(crate) async fn serve(self) {
        let Self { listener, protocol, follows, router } = self;
        let follow = async {
            match follows {
                Some((certificate, mounted)) => certificate.follow(mounted).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = connections::serve(listener, protocol, router) => {}
            () = follow => {}
        }
    }
}

async fn show(State(page): State<Arc<Page>>) -> Response {
    gathered(metrics::CONTENT_TYPE, move || Some(page.text())).await
}

async fn state<A: AgentCore>(operator: Arc<Operator<A>>) -> Response {
    gathered("application/json", move || debug::state(&operator).ok()).await
}

/// What is gathered for an answer, beside the work.
async fn gathered(
    kind: &'static str,
    gather: impl FnOnce() -> Option<String> + Send + 'static,
) -> Response {
    match tokio::task::spawn_blocking(gather).await {
        Ok(Some(text)) => ([(CONTENT_TYPE, kind)], text).into_response(),
        Ok(None) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

struct Door {
    access: Access,
    /// The API server could not be asked, and that has been said.
    is_stuck: AtomicBool,
}

/// Lets those in who may.
async fn let_in(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let Some(token) = bearer(request.headers()) else { return unknown() };
    match door.access.judge(token, request.uri().path()).await {
        Ok(verdict) => {
            door.is_stuck.store(false, Ordering::Relaxed);
            match verdict {
                Verdict::Allowed => next.run(request).await,
                Verdict::Forbidden(user) => {
                    let path = request.uri().path();
                    let said = format!(
                        "{user:?} may not get {path}: it takes a ClusterRole with it \
                                        under nonResourceURLs\n"
                    );
                    (StatusCode::FORBIDDEN, said).into_response()
                }
                Verdict::Stranger => unknown(),
            }
        }
        Err(error) => {
            if !door.is_stuck.swap(true, Ordering::Relaxed) {
                warn!(error, "it cannot be found out who may see metrics");
            }
            let said = "the API server does not say who may; the operator's log tells why\n";
            (StatusCode::INTERNAL_SERVER_ERROR, said).into_response()
        }
    }
}

fn unknown() -> Response {
    let said = "show a token that the API server knows (Authorization: Bearer …)\n";
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], said).into_response()
}

/// The token, if one is shown. The scheme's case does not matter (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_as_clients_show_it() {
        let shown = |value: &str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(shown("Bearer abc"), Some("abc".to_owned()));
        assert_eq!(shown("bearer  abc "), Some("abc".to_owned()));
        for other in ["", "Bearer", "Bearer ", "abc", "Basic YTpi"] {
            assert_eq!(shown(other), None, "{other}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
