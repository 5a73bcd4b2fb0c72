// HiveMQ CE on 127.0.0.1: `Main PORT WEBSOCKET_PORT TLS_PORT KEYSTORE DENIED FOLDER`. The keystore's password is "secret".
import com.hivemq.embedded.EmbeddedExtension;
import com.hivemq.embedded.EmbeddedHiveMQ;
import com.hivemq.extension.sdk.api.ExtensionMain;
import com.hivemq.extension.sdk.api.auth.SimpleAuthenticator;
import com.hivemq.extension.sdk.api.auth.PublishAuthorizer;
import com.hivemq.extension.sdk.api.auth.SubscriptionAuthorizer;
import com.hivemq.extension.sdk.api.auth.parameter.*;
import com.hivemq.extension.sdk.api.parameter.*;
import com.hivemq.extension.sdk.api.services.Services;
import java.nio.file.*;

public class Main {
    record Rules(String denied) implements SubscriptionAuthorizer, PublishAuthorizer {
        boolean forbids(String topic) {
            return !denied.isEmpty() && topic.startsWith(denied);
        }

        public void authorizeSubscribe(SubscriptionAuthorizerInput in, SubscriptionAuthorizerOutput out) {
            if (forbids(in.getSubscription().getTopicFilter())) out.failAuthorization();
            else out.authorizeSuccessfully();
        }

        public void authorizePublish(PublishAuthorizerInput in, PublishAuthorizerOutput out) {
            if (forbids(in.getPublishPacket().getTopic())) out.failAuthorization();
            else out.authorizeSuccessfully();
        }
    }

    record Open(Rules rules) implements ExtensionMain {
        public void extensionStart(ExtensionStartInput in, ExtensionStartOutput out) {
            Services.securityRegistry().setAuthenticatorProvider(
                each -> (SimpleAuthenticator) (input, output) -> output.authenticateSuccessfully());
            Services.securityRegistry().setAuthorizerProvider(each -> rules);
        }

        public void extensionStop(ExtensionStopInput in, ExtensionStopOutput out) {}
    }

    public static void main(String[] given) throws Exception {
        Path folder = Path.of(given[5]), conf = Files.createDirectories(folder.resolve("conf"));
        String address = "<bind-address>127.0.0.1</bind-address>";
        Files.writeString(conf.resolve("config.xml"), "<hivemq><listeners>"
            + "<tcp-listener><port>" + given[0] + "</port>" + address + "</tcp-listener>"
            + "<websocket-listener><port>" + given[1] + "</port>" + address + "<path>/mqtt</path>"
            + "<subprotocols><subprotocol>mqtt</subprotocol></subprotocols></websocket-listener>"
            + "<tls-tcp-listener><port>" + given[2] + "</port>" + address + "<tls><keystore><path>" + given[3] + "</path>"
            + "<password>secret</password><private-key-password>secret</private-key-password></keystore></tls>"
            + "</tls-tcp-listener></listeners>"
            + "<anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics></hivemq>");
        EmbeddedExtension extension = EmbeddedExtension.builder().withId("open").withName("open").withVersion("1")
            .withAuthor("battery").withPriority(0).withStartPriority(0)
            .withExtensionMain(new Open(new Rules(given[4]))).build();
        EmbeddedHiveMQ server = EmbeddedHiveMQ.builder().withConfigurationFolder(conf)
            .withDataFolder(Files.createDirectories(folder.resolve("data")))
            .withExtensionsFolder(Files.createDirectories(folder.resolve("extensions")))
            .withEmbeddedExtension(extension).build();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> server.stop().join()));
        server.start().join();
        Thread.currentThread().join();
    }
}
