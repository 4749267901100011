// std::thread and what stands on it. Every line is written in an order that the program itself enforces.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <mutex>
#include <numeric>
#include <queue>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct Traced { std::string name; Traced(const char *name) : name(name) {} ~Traced() { printf("  ~%s\n", name.c_str()); } };
static thread_local Traced first("first"), second("second");
static std::once_flag once;

int main() {
    std::thread([] { first.name += " of a thread"; second.name += " of a thread"; }).join();

    std::atomic<int> runs{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) threads.emplace_back([&] { std::call_once(once, [&] { runs++; }); });
    for (auto &thread : threads) thread.join();
    printf("once: %d\n", runs.load());

    std::mutex mutex;
    std::condition_variable changed;
    std::queue<int> queue;
    long sum = 0;
    std::thread consumer([&] {
        for (int got = 0; got < 100; got++) {
            std::unique_lock<std::mutex> lock(mutex);
            changed.wait(lock, [&] { return !queue.empty(); });
            sum += queue.front();
            queue.pop();
        }
    });
    for (int i = 1; i <= 100; i++) {
        std::lock_guard<std::mutex> lock(mutex);
        queue.push(i);
        changed.notify_one();
    }
    consumer.join();
    printf("sum %ld\n", sum);

    auto future = std::async(std::launch::async, [] { std::vector<int> v(10, 4); return std::accumulate(v.begin(), v.end(), 2); });
    printf("async %d\n", future.get());
    auto failing = std::async(std::launch::async, []() -> int { throw std::runtime_error("from the task"); });
    try { failing.get(); } catch (const std::exception &e) { printf("future: %s\n", e.what()); }
    try { std::promise<int> promise; auto left = promise.get_future(); { auto gone = std::move(promise); } left.get(); }
    catch (const std::future_error &e) { printf("broken: %d\n", e.code() == std::future_errc::broken_promise); }
    try { std::thread().join(); } catch (const std::system_error &e) { printf("%s\n", e.what()); }

    std::unique_lock<std::mutex> lock(mutex);
    bool late = changed.wait_for(lock, std::chrono::milliseconds(5)) == std::cv_status::timeout;
    std::timed_mutex timed;
    std::lock_guard<std::timed_mutex> held(timed);
    std::thread([&] { late = late && !timed.try_lock_for(std::chrono::milliseconds(5)); }).join();
    auto begin = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    bool slept = std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(10);
    std::shared_timed_mutex shared;
    bool both = shared.try_lock_shared() && shared.try_lock_shared();
    printf("late %d slept %d shared %d\n", late, slept, both);
    static Traced at_exit("at exit");
    first.name += " of main";
    return 0;
}
