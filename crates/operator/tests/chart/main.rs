//! What is installed, by Helm and by kustomize: rendered, admitted by a real API server, and run.

mod alarms;
mod deployed;
mod documents;
mod helm;
mod kustomize;
mod lifecycle;
mod make;
mod matrix;
mod metrics;
mod render;
mod takeover;
