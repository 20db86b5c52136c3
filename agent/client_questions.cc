#include "client_questions.h"

#include <iterator>
#include <utility>

namespace lastseen {

namespace {

Status stopping() {
  return Status::retry("the agent is stopping");
}

}  // namespace

void ClientQuestions::ask(ClientQuestion question, ClientDone done) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      asked_.push_back({std::move(question), std::move(done)});
      return;
    }
  }
  done(stopping());
}

bool ClientQuestions::look(const Pipeline& pipeline, bool store_hangs) {
  std::vector<Question> questions;
  {
    const std::lock_guard lock(mutex_);
    questions.swap(asked_);
  }
  if (questions.empty()) return false;
  for (Question& question : questions) {
    if (store_hangs) {
      question.done(Status::retry("the store does not answer: see /status, and ask again"));
    } else {
      pipeline.look_up(question.question.client_id, question.view);
    }
  }
  if (store_hangs) return false;
  const std::lock_guard lock(mutex_);
  std::move(questions.begin(), questions.end(), std::back_inserter(looked_));
  return true;
}

void ClientQuestions::answer(Flusher& flusher) {
  std::vector<Question> questions;
  {
    const std::lock_guard lock(mutex_);
    questions.swap(looked_);
  }
  for (Question& question : questions) {
    flusher.look_up(question.question, question.view);
    question.done(question.view);
  }
}

void ClientQuestions::close() {
  std::vector<Question> left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    left = std::exchange(asked_, {});
    std::move(looked_.begin(), looked_.end(), std::back_inserter(left));
    looked_.clear();
  }
  for (Question& question : left) question.done(stopping());
}

}  // namespace lastseen
