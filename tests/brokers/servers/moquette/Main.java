// Moquette on 127.0.0.1: `Main PORT WEBSOCKET_PORT TLS_PORT KEYSTORE DENIED FOLDER`. The keystore's password is "secret".
import io.moquette.broker.Server;
import io.moquette.broker.config.MemoryConfig;
import io.moquette.broker.security.IAuthorizatorPolicy;
import io.moquette.broker.subscriptions.Topic;
import java.nio.file.*;
import java.util.*;

public class Main {
    record Rules(String denied) implements IAuthorizatorPolicy {
        boolean permits(Topic topic) {
            return denied.isEmpty() || !topic.toString().startsWith(denied);
        }

        public boolean canWrite(Topic topic, String user, String client) {
            return permits(topic);
        }

        public boolean canRead(Topic topic, String user, String client) {
            return permits(topic);
        }
    }

    public static void main(String[] given) throws Exception {
        Path folder = Path.of(given[5]);
        Properties options = new Properties();
        options.setProperty("host", "127.0.0.1");
        options.setProperty("port", given[0]);
        options.setProperty("websocket_port", given[1]);
        options.setProperty("websocket_path", "/mqtt");
        options.setProperty("ssl_port", given[2]);
        options.setProperty("jks_path", given[3]);
        options.setProperty("key_store_type", "pkcs12");
        options.setProperty("key_store_password", "secret");
        options.setProperty("key_manager_password", "secret");
        options.setProperty("allow_anonymous", "true");
        options.setProperty("telemetry_enabled", "false");
        options.setProperty("netty.mqtt.message_size", "4194304");  // the default is 8,092 bytes
        options.setProperty("data_path", Files.createDirectories(folder.resolve("data")).toString());
        Server server = new Server();
        Runtime.getRuntime().addShutdownHook(new Thread(server::stopServer));
        server.startServer(new MemoryConfig(options), List.of(), null, null, new Rules(given[4]));
        Thread.currentThread().join();
    }
}
