//! The credentials that the stand-ins for STS and EKS have handed out, and until when they work.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::call::Signer;
use crate::clock::later;
use crate::error::{ApiError, ErrorKind};
use crate::settings::{Issuing, Settings};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A request for credentials.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// `AssumeRoleWithWebIdentity`
    WebIdentity { role_arn: String, session: String, token: String, seconds: Option<u64> },
    /// The container credentials endpoint.
    Container { authorization: Option<String> },
}

/// Credentials as they are handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) until: Timestamp,
    pub(crate) account: String,
    /// Of the session: role and session name.
    pub(crate) arn: String,
}

/// Keys go by their ID. None is ever forgotten: they are few, and one that has expired must not
/// pass for one that is unknown.
#[derive(Debug)]
pub(crate) struct Issuer {
    issued: HashMap<String, Credentials>,
    random: fastrand::Rng,
}

impl Issuer {
    pub(crate) fn new(seed: u64) -> Self {
        Self { issued: HashMap::new(), random: fastrand::Rng::with_seed(seed) }
    }

    /// Hands out credentials, or says why not.
    pub(crate) fn issue(
        &mut self,
        now: Timestamp,
        ask: Ask,
        settings: &Settings,
    ) -> Result<Credentials, ApiError> {
        let issuing = &settings.issuing;
        let (role, session, lifetime) = match ask {
            Ask::WebIdentity { role_arn, session, token, seconds } => {
                check_identity(now, &role_arn, &token, issuing)?;
                let asked = std::time::Duration::from_secs(seconds.unwrap_or(3600));
                (role_arn, session, asked.min(issuing.lifetime))
            }
            Ask::Container { authorization } => {
                let wanted = issuing.container_token.as_deref();
                if wanted.is_some() && wanted != authorization.as_deref() {
                    return Err(ApiError::door("AccessDeniedException", "Invalid token"));
                }
                let role = issuing
                    .role_arn
                    .clone()
                    .unwrap_or_else(|| format!("arn:aws:iam::{}:role/pod", settings.account));
                (role, "eks-pod".to_owned(), issuing.lifetime)
            }
        };
        let account = role.split(':').nth(4).unwrap_or(&settings.account).to_owned();
        let role = role.rsplit('/').next().unwrap_or_default();
        let credentials = Credentials {
            access_key: format!("ASIA{}", self.draw(16)),
            secret: self.draw(40),
            token: self.draw(120),
            until: later(now, lifetime),
            arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
            account,
        };
        self.issued.insert(credentials.access_key.clone(), credentials.clone());
        Ok(credentials)
    }

    /// What was handed out under the signer's key. An error if it works no longer.
    pub(crate) fn find(
        &self,
        now: Timestamp,
        signer: &Signer,
    ) -> Result<Option<&Credentials>, ApiError> {
        let Some(known) = self.issued.get(&signer.access_key) else { return Ok(None) };
        if signer.token.as_deref() != Some(&known.token) {
            let message = "The security token included in the request is invalid.";
            return Err(ApiError::door("UnrecognizedClientException", message));
        }
        if known.until <= now {
            let message = "The security token included in the request is expired";
            return Err(ApiError::door("ExpiredTokenException", message));
        }
        Ok(Some(known))
    }

    fn draw(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(ALPHABET[self.random.usize(..ALPHABET.len())])).collect()
    }
}

fn check_identity(
    now: Timestamp,
    role_arn: &str,
    token: &str,
    issuing: &Issuing,
) -> Result<(), ApiError> {
    let refusal = |code: &str, status, message: &str| {
        Err(ApiError::new(ErrorKind::Other { code: code.to_owned(), status }, message))
    };
    if expiry(token).is_some_and(|expiry| expiry <= now.as_second()) {
        let message = "Token expired: the web identity token is no longer valid";
        return refusal("ExpiredTokenException", 400, message);
    }
    if issuing.web_identity_token.as_deref().is_some_and(|wanted| wanted != token) {
        let message = "Couldn't retrieve verification key from your identity provider";
        return refusal("InvalidIdentityToken", 400, message);
    }
    if issuing.role_arn.as_deref().is_some_and(|wanted| wanted != role_arn) {
        let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
        return refusal("AccessDenied", 403, message);
    }
    Ok(())
}

/// The claim `exp` of a JSON web token; None for what is none, which any file content may be.
fn expiry(token: &str) -> Option<i64> {
    let claims = base64url(token.split('.').nth(1)?)?;
    serde_json::from_slice::<serde_json::Value>(&claims).ok()?.get("exp")?.as_i64()
}

fn base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for digit in text.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"alg":"none"}.{"exp":1000}.`
    const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDB9.";

    fn ask(token: &str, seconds: Option<u64>) -> Ask {
        Ask::WebIdentity {
            role_arn: "arn:aws:iam::210987654321:role/path/operator".to_owned(),
            session: "pod".to_owned(),
            token: token.to_owned(),
            seconds,
        }
    }

    #[test]
    fn credentials_work_until_they_expire() {
        let mut source = Issuer::new(0);
        let start = Timestamp::UNIX_EPOCH;
        let issued = source.issue(start, ask(TOKEN, Some(900)), &Settings::default()).unwrap();
        assert_eq!(issued.account, "210987654321");
        assert_eq!(issued.arn, "arn:aws:sts::210987654321:assumed-role/operator/pod");
        assert_eq!(issued.until.as_second(), 900);
        let signer = |token: &str| Signer {
            access_key: issued.access_key.clone(),
            region: "r".to_owned(),
            token: Some(token.to_owned()),
        };
        assert!(source.find(start, &signer(&issued.token)).unwrap().is_some());
        let code = |result: Result<Option<&Credentials>, ApiError>| {
            result.unwrap_err().kind.code().to_owned()
        };
        assert_eq!(code(source.find(start, &signer("x"))), "UnrecognizedClientException");
        let expired = source.find(issued.until, &signer(&issued.token));
        assert_eq!(code(expired), "ExpiredTokenException");
    }

    #[test]
    fn tokens_and_roles_are_checked() {
        let refused = |now, token: &str, issuing| {
            let settings = Settings { issuing, ..Settings::default() };
            let now = Timestamp::from_second(now).unwrap();
            Issuer::new(0)
                .issue(now, ask(token, None), &settings)
                .map_err(|error| error.kind.code().to_owned())
        };
        let free = Issuing::default;
        assert_eq!(refused(1000, TOKEN, free()).unwrap_err(), "ExpiredTokenException");
        assert!(refused(999, TOKEN, free()).is_ok());
        assert!(refused(1000, "opaque", free()).is_ok());
        let token = Issuing { web_identity_token: Some("other".to_owned()), ..free() };
        assert_eq!(refused(0, TOKEN, token).unwrap_err(), "InvalidIdentityToken");
        let role = Issuing { role_arn: Some("arn:aws:iam::1:role/x".to_owned()), ..free() };
        assert_eq!(refused(0, TOKEN, role).unwrap_err(), "AccessDenied");
    }
}
