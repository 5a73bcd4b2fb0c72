// Artemis on 127.0.0.1: `Main PORT WEBSOCKET_PORT TLS_PORT KEYSTORE DENIED FOLDER`. The keystore's password is "secret".
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.server.JournalType;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;

public class Main {
    public static void main(String[] given) throws Exception {
        ConfigurationImpl options = new ConfigurationImpl();
        options.setSecurityEnabled(false).setPersistenceEnabled(true).setJournalType(JournalType.NIO);
        options.setBindingsDirectory(given[5] + "/bindings").setJournalDirectory(given[5] + "/journal");
        options.setLargeMessagesDirectory(given[5] + "/large").setPagingDirectory(given[5] + "/paging");
        String tls = ";sslEnabled=true;keyStoreType=PKCS12;keyStorePassword=secret;keyStorePath=" + given[3];
        options.addAcceptorConfiguration("mqtt", "tcp://127.0.0.1:" + given[0] + "?protocols=MQTT");
        options.addAcceptorConfiguration("websocket", "tcp://127.0.0.1:" + given[1] + "?protocols=MQTT");
        options.addAcceptorConfiguration("tls", "tcp://127.0.0.1:" + given[2] + "?protocols=MQTT" + tls);
        EmbeddedActiveMQ server = new EmbeddedActiveMQ();
        server.setConfiguration(options);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                server.stop();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        server.start();
        Thread.currentThread().join();
    }
}
