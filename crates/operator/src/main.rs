//! `mcp-gateway-operator`: keeps the targets of Bedrock AgentCore gateways as `MCPServer`
//! resources say.

mod admin;
mod debug;
mod events;
mod fleet;
mod kubernetes;
mod leadership;
mod left_behind;
mod logging;
mod metrics;
mod panics;
mod pass;
mod run;
mod settings;
mod shifts;
mod shown;
mod turns;
mod unreadable;
mod watching;
mod work;
mod workloads;

use std::process::ExitCode;

use settings::Settings;

fn main() -> ExitCode {
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(complaint) => {
            complaint.print();
            return complaint.exit_code();
        }
    };
    logging::start(&settings);
    panics::log();
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "the runtime could not be started");
                return ExitCode::FAILURE;
            }
        };
    let code = match runtime.block_on(run::run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    };
    // Nobody waits for a thread that looks up a name or waits for another program.
    runtime.shutdown_background();
    code
}
