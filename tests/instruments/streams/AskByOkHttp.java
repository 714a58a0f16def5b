import java.io.IOException;
import java.net.InetAddress;
import java.security.Security;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.conscrypt.Conscrypt;

/** Asks loopback for one page under a name, as an Android app does that uses the system's library. */
public class AskByOkHttp {
    public static void main(String[] names) throws Exception {
        Security.insertProviderAt(Conscrypt.newProvider(), 1);
        X509TrustManager trust = Conscrypt.getDefaultX509TrustManager();
        SSLContext context = SSLContext.getInstance("TLS", "Conscrypt");
        context.init(null, new TrustManager[] {trust}, null);
        OkHttpClient client = new OkHttpClient.Builder()
            .dns(name -> List.of(InetAddress.getByName("127.0.0.1")))
            .sslSocketFactory(context.getSocketFactory(), trust).build();
        try {
            client.newCall(new Request.Builder().url("https://" + names[0] + "/").build()).execute().close();
        } catch (IOException closed) {
            System.err.println(closed);
        }
    }
}
