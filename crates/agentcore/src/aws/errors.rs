//! From the SDK's errors to classes of failure.
//!
//! Contract: classified by error code, then by HTTP status, never by the operation's own error
//! type alone: AWS sends codes that an operation does not declare. The message is AWS's own, short and on
//! one line, without request ID; the request ID is logged here. Of what AWS repeats of a request, which has
//! the session token in it, nothing is kept and nothing logged.

use std::error::Error;
use std::io::{self, ErrorKind};

use api::text::one_line;
use api::{Failure, FailureClass};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_bedrockagentcorecontrol::config::http::HttpResponse;
use aws_sdk_bedrockagentcorecontrol::error::{
    ConnectorError, ErrorMetadata, ProvideErrorMetadata, SdkError,
};
use aws_sdk_bedrockagentcorecontrol::operation::RequestId;
use tracing::debug;

pub(super) const UNREADABLE: &str = "the answer could not be read";
/// Longest message, in characters: more than AWS has ever been seen to say, and less than the conditions take.
const LONGEST: usize = 2048;

/// Classifies the failure of a call to this operation, and logs it with AWS's request ID.
pub(super) fn failure<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    let Failure { class, message } = classify(error);
    let failure = Failure { class, message: one_line(&message, LONGEST) };
    debug!(
        operation,
        class = failure.class.as_str(),
        request_id = error.request_id().unwrap_or_default(),
        causes = causes(error, &failure),
        "the call failed"
    );
    failure
}

/// How it came to the failure. What AWS has answered itself is told by the failure alone: the SDK's errors
/// show all of it.
fn causes<E>(error: &SdkError<E, HttpResponse>, failure: &Failure) -> String
where
    E: Error + Send + Sync + 'static,
{
    if matches!(error, SdkError::ServiceError(_)) || find::<ErrorMetadata>(error).is_some() {
        return failure.message.clone();
    }
    let causes: Vec<String> = chain(error).map(ToString::to_string).collect();
    one_line(&causes.join(": "), LONGEST)
}

fn classify<E>(error: &SdkError<E, HttpResponse>) -> Failure
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let Some(credentials) = find::<CredentialsError>(error) {
        return Failure { class: FailureClass::Credentials, message: without(credentials) };
    }
    match error {
        SdkError::ConstructionFailure(_) => {
            Failure { class: FailureClass::Invalid, message: innermost(error) }
        }
        SdkError::TimeoutError(_) => Failure {
            class: FailureClass::Unanswered,
            message: "no answer within the time limit".to_owned(),
        },
        SdkError::ResponseError(_) => {
            Failure { class: FailureClass::Server, message: UNREADABLE.to_owned() }
        }
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or_default();
            let said = context.err().message().unwrap_or_default();
            let status = context.raw().status().as_u16();
            let message = answered(code, status, said);
            Failure { class: class_of(code, status, said), message }
        }
        // The variants of the future included: whatever else happened, no answer was understood.
        _ => Failure { class: FailureClass::Unanswered, message: unreached(error) },
    }
}

/// What AWS has answered, in words. There always are some.
fn answered(code: &str, status: u16, said: &str) -> String {
    let (code, said) = (one_line(code, LONGEST), one_line(unrepeated(said), LONGEST));
    match (code.as_str(), said.as_str()) {
        // The SDK takes what it cannot make sense of for an error, whatever its status.
        ("", "") if status < 300 => UNREADABLE.to_owned(),
        ("", "") => format!("HTTP status {status}"),
        (_, "") => code,
        ("", _) => said,
        (code, said) => format!("{code}: {said}"),
    }
}

/// Why there are no credentials. Who gives them out puts request IDs into its errors, too.
fn without(error: &CredentialsError) -> String {
    if let CredentialsError::CredentialsNotLoaded(_) = error {
        return "no AWS credentials: neither in the environment nor in the profile, and no role \
                of a service account, a container or an instance"
            .to_owned();
    }
    match find::<ErrorMetadata>(error) {
        Some(answer) => {
            let (code, said) = (answer.code().unwrap_or_default(), answer.message());
            format!("no AWS credentials: {code}: {}", unrepeated(said.unwrap_or_default()))
        }
        None => format!("no AWS credentials: {}", innermost(error)),
    }
}

/// What AWS says, without what it repeats: of a request whose signature is wrong it shows what should have been
/// signed, headers and session token included, after an empty line ("The Canonical String for this request
/// should have been").
fn unrepeated(said: &str) -> &str {
    let repeats = ["\n\n", "\r\n\r\n", "The Canonical String", "The String-to-Sign"];
    let end = repeats.iter().filter_map(|mark| said.find(mark)).min();
    said[..end.unwrap_or(said.len())].trim_end()
}

/// How the connection failed. A broken one shows in many ways, which mean the same: the message
/// must not change from one call to the next.
fn unreached(error: &(dyn Error + 'static)) -> String {
    let broken = match find::<io::Error>(error) {
        Some(io) => matches!(
            io.kind(),
            ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof
        ),
        None => find::<ConnectorError>(error)
            .is_some_and(|error| error.is_io() || error.as_other().is_some()),
    };
    if broken { "the connection broke before the answer".to_owned() } else { innermost(error) }
}

/// The class of an error that AWS has answered with.
fn class_of(code: &str, status: u16, message: &str) -> FailureClass {
    match code {
        "ValidationException" if is_wrong_state(message) => FailureClass::WrongState,
        "ValidationException" | "UnknownOperationException" => FailureClass::Invalid,
        "AccessDeniedException" | "AccessDenied" => FailureClass::Denied,
        "ResourceNotFoundException" => FailureClass::NotFound,
        "ConflictException" => FailureClass::Conflict,
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" => {
            FailureClass::Throttled
        }
        "ServiceQuotaExceededException" => FailureClass::Quota,
        "InternalServerException" => FailureClass::Server,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => FailureClass::Credentials,
        _ => match status {
            402 => FailureClass::Quota,
            401 | 403 => FailureClass::Denied,
            // Not AgentCore's own: any proxy or wrong endpoint answers so. Taken for the
            // gateway's absence, it would let go of targets that live on.
            404 => FailureClass::Server,
            // The server gave up waiting; what it did by then nobody knows.
            408 => FailureClass::Unanswered,
            409 => FailureClass::Conflict,
            429 => FailureClass::Throttled,
            // Nor is a refusal that names no error of AWS's: who takes that for AWS's last word would
            // replace a target that serves because of a proxy.
            400..500 if !code.is_empty() => FailureClass::Invalid,
            _ => FailureClass::Server,
        },
    }
}

/// AWS says that a target's status does not permit an operation with a `ValidationException`
/// (field reports): "… can't be performed on target when it is in Deleting state".
fn is_wrong_state(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("can't be performed") && message.contains("state")
}

/// The first error of this type in the chain of causes.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref::<T>())
}

/// What the last cause in the chain says: the ones before it only lead there.
fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_of_a_request_is_left_out() {
        let said = "The request signature we calculated does not match.";
        for repeated in [
            "",
            "\n\nThe Canonical String for this request should have been\n'POST\nx-amz-security-token:T",
            "\r\n\r\nT",
            " The Canonical String for this request should have been 'POST T'",
        ] {
            assert_eq!(unrepeated(&format!("{said}{repeated}")), said);
        }
        assert_eq!(unrepeated("one\ntwo"), "one\ntwo");
    }

    /// Found by the fuzz target `errors`.
    #[test]
    fn an_answer_without_words_is_told_by_its_status() {
        for (code, said) in
            [("", ""), ("\t\t", ""), ("", "\n\nThe Canonical String"), (" ", "\u{7}")]
        {
            assert_eq!(answered(code, 413, said), "HTTP status 413");
            assert_eq!(answered(code, 200, said), UNREADABLE);
        }
        assert_eq!(answered("Code", 413, "\n"), "Code");
        assert_eq!(answered("Code", 413, "said\nso"), "Code: said so");
        assert_eq!(answered("", 413, "said"), "said");
    }

    #[test]
    fn codes_go_before_statuses() {
        let cases = [
            ("ValidationException", 400, "bad", FailureClass::Invalid),
            (
                "ValidationException",
                400,
                "Update can't be performed on target when it is in Deleting state",
                FailureClass::WrongState,
            ),
            ("ConflictException", 409, "", FailureClass::Conflict),
            ("ServiceQuotaExceededException", 402, "", FailureClass::Quota),
            ("ExpiredTokenException", 403, "", FailureClass::Credentials),
            ("AccessDeniedException", 403, "", FailureClass::Denied),
            ("SomethingNew", 429, "", FailureClass::Throttled),
            ("ResourceNotFoundException", 404, "", FailureClass::NotFound),
            ("UnknownOperationException", 404, "", FailureClass::Invalid),
            ("", 404, "", FailureClass::Server),
            ("", 408, "", FailureClass::Unanswered),
            ("", 402, "", FailureClass::Quota),
            ("", 403, "", FailureClass::Denied),
            ("", 409, "", FailureClass::Conflict),
            ("", 418, "", FailureClass::Server),
            ("SomethingNew", 418, "", FailureClass::Invalid),
            ("", 503, "", FailureClass::Server),
        ];
        for (code, status, message, class) in cases {
            assert_eq!(class_of(code, status, message), class, "{code} {status} {message}");
        }
    }
}
