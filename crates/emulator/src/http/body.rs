//! Bodies are read as a whole, and only up to a measure, before anybody looks at them: so a refusal
//! comes in the words of the API that was asked, and no handler has to think of it.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest as _, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;

use super::{admin, dialect, write, written};
use crate::call::CallKind;
use crate::core::Core;
use crate::error::{ApiError, ErrorKind};

/// Larger than any request that the service model allows.
pub(super) const MOST: usize = 8 * 1024 * 1024;

/// Passes a request on with its whole body, or refuses it.
pub(super) async fn whole(State(core): State<Arc<Core>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // What is announced as too long is not waited for.
    let read = if usize::try_from(body.size_hint().lower()).is_ok_and(|length| length <= MOST) {
        let request = Request::from_parts(parts.clone(), body);
        tokio::select! {
            // A body that is there is taken.
            biased;
            read = Bytes::from_request(request, &()) => read.map_err(|rejection| rejection.status()),
            // Whoever stops the emulator does not wait for the rest.
            () = core.closed() => Err(StatusCode::BAD_REQUEST),
        }
    } else {
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    };
    let (status, word, message) = match read {
        Ok(bytes) => return next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(StatusCode::PAYLOAD_TOO_LARGE) => {
            (413, "RequestEntityTooLargeException", format!("The body is larger than {MOST} bytes"))
        }
        Err(_) => (400, "SerializationException", "The body could not be read".to_owned()),
    };
    if parts.uri.path().starts_with(admin::ROOT) {
        return write::dated(admin::failure(status, &message), core.date());
    }
    let kind = ErrorKind::Other { code: word.to_owned(), status };
    // No kind of call is meant: it decides only how a success would look.
    let error = Err(ApiError::new(kind, message));
    write::stamped(written(dialect(&parts), CallKind::GetGateway, error), core.date())
}
