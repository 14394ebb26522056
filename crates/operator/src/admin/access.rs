//! Who may see what: the API server says.
//!
//! Contract: a token is shown to the API server (`TokenReview`), and whoever it belongs to is asked for
//! (`SubjectAccessReview`: the path, the verb get). Answers hold for a short time, refusals for a shorter
//! one, and of both no more than so many are kept. What cannot be found out is not kept, and lets
//! nobody in. Tokens are neither kept nor logged: their hashes stand for them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout};

use crate::kubernetes::describe;

/// How long both questions together may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long somebody stays let in: so long a token counts after it has been revoked.
const ALLOWED_FOR: Duration = Duration::from_mins(1);
/// How long somebody stays refused: so long a new right is waited for.
const REFUSED_FOR: Duration = Duration::from_secs(10);
/// Answers that are kept.
const MOST: usize = 256;

/// What the API server says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// It knows whose token it is, and that they may not.
    Forbidden(String),
    /// It knows nobody with this token.
    Stranger,
}

/// Asks the API server, and remembers for a while what it said.
pub(super) struct Access {
    client: Client,
    known: Mutex<Known>,
}

impl Access {
    pub(super) fn new(client: Client) -> Self {
        Self { client, known: Mutex::default() }
    }

    /// Whether who has this token may get this path.
    pub(super) async fn judge(&self, token: &str, path: &str) -> Result<Verdict, String> {
        let question = (Sha256::digest(token).into(), path.to_owned());
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = known().recall(&question, Instant::now()) {
            return Ok(verdict);
        }
        let verdict = match timeout(LIMIT, self.ask(token, path)).await {
            Ok(asked) => asked?,
            Err(_) => return Err("the API server does not answer in time".to_owned()),
        };
        known().remember(question, verdict.clone(), Instant::now());
        Ok(verdict)
    }

    async fn ask(&self, token: &str, path: &str) -> Result<Verdict, String> {
        let review = TokenReview {
            metadata: ObjectMeta::default(),
            spec: TokenReviewSpec { token: token.to_owned(), audiences: None },
            status: None,
        };
        let reviews: Api<TokenReview> = Api::all(self.client.clone());
        let review = reviews.create(&PostParams::default(), &review).await.map_err(failed)?;
        let status = review.status.unwrap_or_default();
        let user = match status.user {
            Some(user) if status.authenticated == Some(true) => user,
            Some(_) | None => return Ok(Verdict::Stranger),
        };
        let name = user.username.clone().unwrap_or_default();
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let review = question(user, path);
        let review = reviews.create(&PostParams::default(), &review).await.map_err(failed)?;
        if review.status.is_some_and(|status| status.allowed) {
            Ok(Verdict::Allowed)
        } else {
            Ok(Verdict::Forbidden(name))
        }
    }
}

fn question(user: UserInfo, path: &str) -> SubjectAccessReview {
    SubjectAccessReview {
        metadata: ObjectMeta::default(),
        spec: SubjectAccessReviewSpec {
            user: user.username,
            uid: user.uid,
            groups: user.groups,
            extra: user.extra,
            non_resource_attributes: Some(NonResourceAttributes {
                path: Some(path.to_owned()),
                verb: Some("get".to_owned()),
            }),
            resource_attributes: None,
        },
        status: None,
    }
}

fn failed(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 403 => format!(
            "the operator may not ask who may see metrics ({}): apply \
             config/rbac/metrics_auth_role.yaml and its binding",
            status.message
        ),
        kube::Error::Api(status) => status.message.clone(),
        error => describe(&error),
    }
}

/// The hash of a token, and a path.
type Question = ([u8; 32], String);

/// What has been answered of late, and until when that holds.
#[derive(Default)]
struct Known(HashMap<Question, (Verdict, Instant)>);

impl Known {
    fn recall(&self, question: &Question, now: Instant) -> Option<Verdict> {
        let (verdict, until) = self.0.get(question)?;
        (now < *until).then(|| verdict.clone())
    }

    fn remember(&mut self, question: Question, verdict: Verdict, now: Instant) {
        let lasts = if verdict == Verdict::Allowed { ALLOWED_FOR } else { REFUSED_FOR };
        self.0.insert(question, (verdict, now + lasts));
        if self.0.len() <= MOST {
            return;
        }
        self.0.retain(|_, (_, until)| now < *until);
        if self.0.len() > MOST {
            // Mostly a refusal: who asks with many bad tokens takes little from those who may.
            let ends_first = self.0.iter().min_by_key(|(_, (_, until))| *until);
            if let Some(question) = ends_first.map(|(question, _)| question.clone()) {
                self.0.remove(&question);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(token: &str, path: &str) -> Question {
        (Sha256::digest(token).into(), path.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_for_its_token_and_path_and_for_a_while() {
        let mut known = Known::default();
        let begun = Instant::now();
        let forbidden = Verdict::Forbidden("somebody".to_owned());
        known.remember(question("a", "/metrics"), Verdict::Allowed, begun);
        known.remember(question("b", "/metrics"), forbidden.clone(), begun);
        let recall = |token, path, after| known.recall(&question(token, path), begun + after);
        let seconds = Duration::from_secs;
        assert_eq!(recall("a", "/metrics", seconds(59)), Some(Verdict::Allowed));
        assert_eq!(recall("a", "/metrics", seconds(60)), None);
        assert_eq!(recall("b", "/metrics", seconds(9)), Some(forbidden));
        assert_eq!(recall("b", "/metrics", seconds(10)), None);
        assert_eq!(recall("a", "/debug/state", seconds(0)), None);
        assert_eq!(recall("c", "/metrics", seconds(0)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn many_strangers_push_out_nobody_who_may() {
        let mut known = Known::default();
        let begun = Instant::now();
        known.remember(question("may", "/metrics"), Verdict::Allowed, begun);
        for number in 0..MOST * 4 {
            known.remember(question(&number.to_string(), "/metrics"), Verdict::Stranger, begun);
            assert!(known.0.len() <= MOST);
        }
        assert_eq!(known.recall(&question("may", "/metrics"), begun), Some(Verdict::Allowed));
        let later = begun + REFUSED_FOR;
        for number in 0..2 {
            known.remember(
                question(&format!("later {number}"), "/metrics"),
                Verdict::Stranger,
                later,
            );
        }
        assert!(known.0.len() <= 3, "what does not hold any more goes first");
    }
}
