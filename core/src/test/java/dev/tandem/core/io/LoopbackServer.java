package dev.tandem.core.io;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A web server of this machine for this machine, and a {@link Download} that is allowed to speak plain http with it.
 */
public final class LoopbackServer implements AutoCloseable {
  private final HttpServer server;
  private final List<String> requests = new CopyOnWriteArrayList<>();

  public LoopbackServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.start();
  }

  /** Downloads from this server and from nowhere else. */
  public Download download() {
    return new Download(uri -> uri.getPort() == server.getAddress().getPort());
  }

  public URI uri(String path) {
    return URI.create("http://" + server.getAddress().getHostString() + ":" + server.getAddress().getPort() + path);
  }

  /** Paths that were asked for. */
  public List<String> requests() {
    return requests;
  }

  public void serve(String path, byte[] body) {
    answer(path, 200, body, body.length);
  }

  /**
   * Answers with {@code status}, and a body that breaks off when {@code declared} is more than it has; -1 declares
   * nothing.
   */
  public void answer(String path, int status, byte[] body, long declared) {
    server.createContext(path, exchange -> {
      requests.add(path);
      exchange.sendResponseHeaders(status, declared < 0 ? 0 : declared == 0 ? -1 : declared);
      try (OutputStream out = exchange.getResponseBody()) {
        out.write(body);
      } finally {
        exchange.close();
      }
    });
  }

  public void redirect(String path, String location) {
    server.createContext(path, exchange -> {
      requests.add(path);
      exchange.getResponseHeaders().add("Location", location);
      exchange.sendResponseHeaders(302, -1);
      exchange.close();
    });
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
