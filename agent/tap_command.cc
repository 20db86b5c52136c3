// `lastseen tap`: lines as the running agent reads them.
#include <iostream>

#include "base/clock.h"
#include "base/json_value.h"
#include "base/reason.h"
#include "command_support.h"
#include "commands.h"
#include "config/values.h"
#include "control/control_client.h"
#include "control/query_text.h"
#include "exit_code.h"

namespace lastseen {

namespace {

std::string target_of(const TapArguments& arguments) {
  std::string target = "/tap?";
  if (!arguments.input.empty()) target += "input=" + percent_encoded(arguments.input) + "&";
  if (!arguments.client_id.empty())
    target += "client=" + percent_encoded(arguments.client_id) + "&";
  if (arguments.only_skipped) target += "skipped=" + percent_encoded(arguments.skipped) + "&";
  target.pop_back();
  return target;
}

// What is shown is foreign text: what would move the cursor must not reach the terminal raw.
std::string for_people(std::string_view line) {
  const JsonDocument document(line);
  const JsonValue root = document.root();
  if (!root["not_shown"].is_null())
    return "... " + std::to_string(root["not_shown"].count()) + " not shown";
  const std::string input = root["input"].text();
  if (!root["skipped"].is_null())
    return input + "  skipped " + root["skipped"].text() + "  " + root["line"].text() +
           (root["cut_to_bytes"].is_null() ? "" : " ...");
  return root["ts"].text() + "  " + input + "  " + escape_for_log(root["client_id"].text());
}

// Prints whole lines, as many as are wanted.
class TapPrinter {
 public:
  explicit TapPrinter(const TapArguments& arguments) : arguments_(arguments) {}

  /// False: that is enough, or nobody reads what is printed.
  bool print(std::string_view bytes) {
    waiting_ += bytes;
    size_t begin = 0;
    for (size_t end; (end = waiting_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (arguments_.limit && printed_ >= *arguments_.limit) return false;
      const std::string_view line = std::string_view(waiting_).substr(begin, end - begin);
      std::cout << (arguments_.json ? std::string(line) : for_people(line)) << '\n';
      if (!line.starts_with("{\"not_shown\"")) ++printed_;
    }
    waiting_.erase(0, begin);
    std::cout.flush();
    return std::cout.good() && !(arguments_.limit && printed_ >= *arguments_.limit);
  }

 private:
  const TapArguments& arguments_;
  std::string waiting_;
  uint64_t printed_ = 0;
};

std::optional<std::string> unknown_reason(const TapArguments& arguments) {
  if (arguments.skipped.empty()) return std::nullopt;
  for (const std::string_view name : kSkipReasonNames)
    if (name == arguments.skipped) return std::nullopt;
  return "no line is skipped as '" + escape_for_log(arguments.skipped) + "'" +
         suggestion(arguments.skipped, kSkipReasonNames) + ": " + joined(kSkipReasonNames);
}

}  // namespace

int tap_command(const TapArguments& arguments) {
  if (const auto problem = unknown_reason(arguments)) return usage_error(*problem);
  TapPrinter printer(arguments);
  const Result<HttpReply> end =
      stream_from_agent(arguments.socket, target_of(arguments), SystemClock(),
                        [&](std::string_view bytes) { return printer.print(bytes); });
  if (!end) return fail(end.status().message());
  if (end->status != 200) {
    const JsonDocument document(end->body);
    return fail(document.is_valid() ? document.root()["error"].text() : end->body);
  }
  if (!std::cout) return fail("the output could not be written");
  if (end->body.empty()) return kExitDone;
  return fail(end->body);
}

}  // namespace lastseen
