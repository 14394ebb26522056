//! The errors of the AWS service model, and what a fault rule may send instead of them.
//!
//! An [`ApiError`] is what a client gets to see: a code, an HTTP status and a message. How it
//! is written on the wire is the HTTP layer's business.

use serde::{Deserialize, Serialize};

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", .kind.code())]
pub(crate) struct ApiError {
    /// Which error of the service model.
    pub(crate) kind: ErrorKind,
    /// The text in the member `message`.
    pub(crate) message: String,
    /// For a `ValidationException`: why.
    pub(crate) reason: Option<Reason>,
    /// For a `ValidationException`: the members at fault.
    pub(crate) fields: Vec<FieldError>,
}

/// The errors that the service model declares, and a door for those it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// 400
    Validation,
    /// 402
    ServiceQuotaExceeded,
    /// 403
    AccessDenied,
    /// 404
    ResourceNotFound,
    /// 409
    Conflict,
    /// 429
    Throttling,
    /// 500
    InternalServer,
    /// A code outside the model: from the front door of AWS, or from a fault rule.
    Other {
        /// What the header `x-amzn-errortype` says.
        code: String,
        /// The HTTP status.
        status: u16,
    },
}

/// The member `reason` of a `ValidationException`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reason {
    CannotParse,
    FieldValidationFailed,
    IdempotentParameterMismatchException,
    #[serde(rename = "EventInOtherSession")]
    RootEventInOtherSession,
    ResourceConflict,
}

/// One entry of the member `fieldList` of a `ValidationException`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    /// Path of the member, as in `targetConfiguration.mcp.mcpServer.endpoint`.
    pub(crate) name: String,
    /// What is wrong with it.
    pub(crate) message: String,
}

impl ErrorKind {
    /// The kind that AWS calls by this code. A code outside the model needs a status.
    pub(crate) fn from_code(code: &str, status: Option<u16>) -> Self {
        match code {
            "ValidationException" => Self::Validation,
            "ServiceQuotaExceededException" => Self::ServiceQuotaExceeded,
            "AccessDeniedException" => Self::AccessDenied,
            "ResourceNotFoundException" => Self::ResourceNotFound,
            "ConflictException" => Self::Conflict,
            "ThrottlingException" => Self::Throttling,
            "InternalServerException" => Self::InternalServer,
            other => Self::Other { code: other.to_owned(), status: status.unwrap_or(400) },
        }
    }

    /// The code in the header `x-amzn-errortype`.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Validation => "ValidationException",
            Self::ServiceQuotaExceeded => "ServiceQuotaExceededException",
            Self::AccessDenied => "AccessDeniedException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::Conflict => "ConflictException",
            Self::Throttling => "ThrottlingException",
            Self::InternalServer => "InternalServerException",
            Self::Other { code, .. } => code,
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Validation => 400,
            Self::ServiceQuotaExceeded => 402,
            Self::AccessDenied => 403,
            Self::ResourceNotFound => 404,
            Self::Conflict => 409,
            Self::Throttling => 429,
            Self::InternalServer => 500,
            Self::Other { status, .. } => *status,
        }
    }
}

impl ApiError {
    /// An error with a message and nothing else.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), reason: None, fields: Vec::new() }
    }

    /// A refusal at AWS's front door, before the service sees the request.
    pub(crate) fn door(code: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other { code: code.to_owned(), status: 403 }, message)
    }

    /// A `ValidationException` that blames no single member.
    pub(crate) fn validation(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason: Some(reason), ..Self::new(ErrorKind::Validation, message) }
    }

    /// A `ValidationException` that lists the members at fault.
    pub(crate) fn fields(reason: Reason, fields: Vec<FieldError>) -> Self {
        let details: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
        let message = format!(
            "{} validation error{} detected: {}",
            fields.len(),
            if fields.len() == 1 { "" } else { "s" },
            details.join("; ")
        );
        Self { reason: Some(reason), fields, ..Self::new(ErrorKind::Validation, message) }
    }

    /// A `ValidationException` about one member.
    pub(crate) fn field(name: &str, message: impl Into<String>) -> Self {
        let field = FieldError { name: name.to_owned(), message: message.into() };
        Self::fields(Reason::FieldValidationFailed, vec![field])
    }
}
