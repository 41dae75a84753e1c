/** Messages in the order they came, and a promise for the moment when there are enough. */
export class Recorder {
  messages = [];
  #waiting = [];

  take(message) {
    this.messages.push(message);
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.messages.length < count) return true;
      resolve(this.messages);
      return false;
    });
  }

  /** Resolves with the messages once there are `count` or more. */
  reach(count) {
    if (this.messages.length >= count) return Promise.resolve(this.messages);
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  get data() {
    return this.messages.map(({ data }) => data);
  }
}

/** Subscribes a recorder; it also has the subscription. */
export function record(bus, topic, options) {
  const recorder = new Recorder();
  recorder.subscription = bus.subscribe(topic, (message) => recorder.take(message), options);
  return recorder;
}
