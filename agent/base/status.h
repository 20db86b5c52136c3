// How an operation ended. Bad input is data and never a Status; trouble of the world is.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace lastseen {

/// The code names the reaction of whoever receives it, not the cause.
enum class StatusCode {
  kOk,
  kRetry,     ///< The world may mend itself: keep the data and try again.
  kReject,    ///< This one item is at fault: count it, set it aside and go on.
  kNotFound,  ///< What was asked for does not exist (yet).
  kFatal,     ///< Trying again cannot help: tell the operator and stop.
};

/// Outcome of an operation without a value. Cheap when ok: no allocation.
class [[nodiscard]] Status {
 public:
  Status() = default;
  static Status ok() { return Status(); }
  static Status retry(std::string message) { return {StatusCode::kRetry, std::move(message)}; }
  static Status reject(std::string message) { return {StatusCode::kReject, std::move(message)}; }
  static Status not_found(std::string message) {
    return {StatusCode::kNotFound, std::move(message)};
  }
  static Status fatal(std::string message) { return {StatusCode::kFatal, std::move(message)}; }

  bool is_ok() const { return code_ == StatusCode::kOk; }
  explicit operator bool() const { return is_ok(); }
  StatusCode code() const { return code_; }
  /// One line for the operator: what failed and, where known, what to do. Never holds a password.
  const std::string& message() const { return message_; }

 private:
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

/// A value, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}         // NOLINT: implicit by intent
  Result(Status status) : state_(std::move(status)) {}  // NOLINT: implicit by intent

  bool is_ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return is_ok(); }
  const Status& status() const {
    static const Status kOkStatus;
    return is_ok() ? kOkStatus : std::get<Status>(state_);
  }

  T& operator*() & { return std::get<T>(state_); }
  const T& operator*() const& { return std::get<T>(state_); }
  T&& operator*() && { return std::get<T>(std::move(state_)); }
  T* operator->() { return &std::get<T>(state_); }
  const T* operator->() const { return &std::get<T>(state_); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace lastseen
