#include <algorithm>
#include <array>
#include <charconv>

#include "parsers/format_dialect.h"
#include "parsers/format_time.h"

namespace lastseen {
namespace {

constexpr std::array<std::string_view, 11> kNumbers = {"RESPONSE_CODE",
                                                       "BYTES_RECEIVED",
                                                       "BYTES_SENT",
                                                       "DURATION",
                                                       "REQUEST_DURATION",
                                                       "RESPONSE_DURATION",
                                                       "RESPONSE_TX_DURATION",
                                                       "CONNECTION_ID",
                                                       "UPSTREAM_REQUEST_ATTEMPT_COUNT",
                                                       "UPSTREAM_WIRE_BYTES_SENT",
                                                       "UPSTREAM_WIRE_BYTES_RECEIVED"};
constexpr std::array<std::string_view, 5> kWords = {"PROTOCOL", "RESPONSE_FLAGS",
                                                    "RESPONSE_FLAGS_LONG", "STREAM_ID", "HOSTNAME"};
constexpr std::array<std::string_view, 8> kAddresses = {"UPSTREAM_HOST",
                                                        "UPSTREAM_LOCAL_ADDRESS",
                                                        "UPSTREAM_REMOTE_ADDRESS",
                                                        "DOWNSTREAM_REMOTE_ADDRESS",
                                                        "DOWNSTREAM_LOCAL_ADDRESS",
                                                        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
                                                        "DOWNSTREAM_DIRECT_LOCAL_ADDRESS",
                                                        "DOWNSTREAM_PEER_ADDRESS"};

bool has(const auto& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// `%COMMAND(ARGUMENT):LENGTH%`.
struct Command {
  std::string_view name;
  std::string_view argument;
  size_t argument_at = 0;
  size_t length = 0;
};

/// `MAIN?OTHER`: the first of two headers that is there.
bool is_one_of(std::string_view argument, std::string_view wanted) {
  const size_t mark = argument.find('?');
  const auto equal = [&](std::string_view name) {
    return name.size() == wanted.size() &&
           std::equal(name.begin(), name.end(), wanted.begin(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 0x20 : a) == b; });
  };
  if (equal(argument.substr(0, mark))) return true;
  return mark != argument.npos && equal(argument.substr(mark + 1));
}

void read_header(std::string_view argument, FormatField* field) {
  field->name = field_name("header", argument.substr(0, argument.find('?')));
  if (is_one_of(argument, ":path") || is_one_of(argument, "x-envoy-original-path")) {
    field->role = FieldRole::kTarget;
    field->name = "field.path";
  }
  // Envoy makes these itself, or refuses what is no host.
  for (const char* word : {":method", ":scheme", ":authority", "x-request-id"}) {
    if (is_one_of(argument, word)) field->shape = FieldShape::kWord;
  }
}

FormatField field_of(const Command& command) {
  FormatField field;
  field.length_max = command.length;
  field.name = field_name("field", command.name);
  const std::string_view name = command.name;
  const std::string_view argument = command.argument;
  if (name == "REQ" || name == "REQUEST_HEADER") {
    read_header(argument, &field);
  } else if (name == "DYNAMIC_METADATA" || name == "FILTER_STATE") {
    const std::string_view key = argument.substr(argument.rfind(':') + 1);
    field.name = field_name("field", key);
    field.role = role_of_name(key);
    field.may_break = true;
    field.may_be_json = true;
  } else if (name == "QUERY_PARAM" && argument == "client_id") {
    field.role = FieldRole::kQueryValue;
  } else if (name == "QUERY_PARAMS") {
    field.role = FieldRole::kQuery;
  } else if (name == "PATH" && !argument.starts_with("NQ")) {
    field.role = FieldRole::kTarget;
  } else if (has(kNumbers, name)) {
    field.shape = FieldShape::kNumber;
  } else if (has(kWords, name)) {
    field.shape = FieldShape::kWord;
  } else if (has(kAddresses, name)) {
    field.shape = FieldShape::kAddress;
  }
  return field;
}

/// Reads a command from the `%` at `*at` to behind its last `%`.
Status read_command(const FormatText& format, size_t* at, Command* command) {
  const std::string_view text = format.text;
  const size_t begin = *at;
  size_t i = begin + 1;
  while (i < text.size() && is_name_character(text[i])) ++i;
  command->name = text.substr(begin + 1, i - begin - 1);
  if (command->name.empty()) return format.error(begin, "a command's name must follow the `%`");
  if (i < text.size() && text[i] == '(') {
    // A custom time holds `%` and may hold `)`: the argument ends where a command can.
    size_t close = text.find(')', i);
    while (close != text.npos && close + 1 < text.size() && text[close + 1] != '%' &&
           text[close + 1] != ':') {
      close = text.find(')', close + 1);
    }
    if (close == text.npos) return format.error(i, "the `(` that opens here is never closed");
    command->argument_at = i + 1;
    command->argument = text.substr(i + 1, close - i - 1);
    i = close + 1;
  }
  if (i < text.size() && text[i] == ':') {
    const char* const digits = text.data() + i + 1;
    const auto [end, error] = std::from_chars(digits, text.data() + text.size(), command->length);
    if (error != std::errc() || command->length == 0) {
      return format.error(i, "a length must follow the `:`");
    }
    i = static_cast<size_t>(end - text.data());
  }
  if (i == text.size() || text[i] != '%') {
    return format.error(begin, "the command that begins here has no `%` at its end");
  }
  *at = i + 1;
  return Status::ok();
}

}  // namespace

Result<FormatParts> read_envoy_format(const FormatText& format) {
  FormatBuilder builder(format);
  const std::string_view text = format.text;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '%') {
      builder.add(text[i], i);
      ++i;
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '%') {
      builder.add('%', i);
      i += 2;
      continue;
    }
    const size_t begin = i;
    Command command;
    if (Status status = read_command(format, &i, &command); !status) return status;
    FormatField field = field_of(command);
    if (command.name == "START_TIME" || command.name == "EMIT_TIME") {
      field.role = FieldRole::kTime;
      field.shape = FieldShape::kTime;
      field.time =
          command.argument.empty() ? "%Y-%m-%dT%H:%M:%S.%3f%z" : std::string(command.argument);
    }
    builder.add(std::move(field), begin);
  }
  return builder.take();
}

}  // namespace lastseen
